// Pointers to gestures: mouse, pen and one finger draw; two fingers, Space or the middle button move the photo.
const fingers = new Map();
// A finger that lands while another has drawn for so many milliseconds is a palm or a thumb, and no pinch.
const LONG_STROKE = 500;
// The other end of a pen.
const PEN_ERASER = 5;
let panning = null, pinch = null, spaceHeld = false, penSeen = false, byPointer = false, drawing = "";

function pinchState() {
  const [a, b] = [...fingers.values()];
  return { x: (a.sx + b.sx) / 2, y: (a.sy + b.sy) / 2, apart: Math.hypot(a.sx - b.sx, a.sy - b.sy) };
}

// Whether a touch that begins now is the palm beside a pen that draws, or what lands beside a finger that does.
function isPalm() {
  if (!gesture) return false;
  return drawing === "pen" || (drawing === "touch" && fingers.size > 0 && performance.now() - gesture.start > LONG_STROKE);
}

function startPan(event, at) {
  panning = at;
  stage.setPointerCapture(event.pointerId);
  if (event.pointerType === "touch") showRing(null);
  showCursor();
}

stage.addEventListener("pointerdown", (event) => {
  if (S.photo && !event.target.closest("button")) press(event);
});
function press(event) {
  closeMenus();
  byPointer = true;
  stage.dataset.pointer = "yes";
  stage.focus({ preventScroll: true });
  event.preventDefault();
  const at = locate(event);
  if (event.pointerType === "touch" && isPalm()) return;
  if (event.pointerType === "pen") {
    // The palm was there first: what it began is not meant.
    penSeen = true;
    fingers.clear();
    panning = pinch = null;
    showCursor();
    penCancel();
  }
  if (event.pointerType === "touch") {
    fingers.set(event.pointerId, at);
    if (fingers.size === 2) {
      penCancel();
      panning = null;
      pinch = pinchState();
      return showCursor();
    }
    if (fingers.size > 2) return;
    if (penSeen) return startPan(event, at);
  }
  if (event.button === 1 || spaceHeld) return startPan(event, at);
  if (![0, 2, PEN_ERASER].includes(event.button)) return;
  stage.setPointerCapture(event.pointerId);
  drawing = event.pointerType;
  penDown(at, event.button !== 0 || event.altKey, event.shiftKey || drawing === "touch", event.shiftKey && drawing !== "touch");
}

stage.addEventListener("pointermove", (event) => {
  if (!S.photo) return;
  const at = locate(event);
  if (event.pointerType === "touch" && !fingers.has(event.pointerId)) return;
  if (event.pointerType === "touch") fingers.set(event.pointerId, at);
  if (pinch && fingers.size >= 2) {
    const now = pinchState();
    view.x += now.x - pinch.x;
    view.y += now.y - pinch.y;
    zoomAbout(now.apart / Math.max(1, pinch.apart), now.x, now.y);
    pinch = now;
    return;
  }
  if (event.pointerType !== "touch") showRing(at);
  if (panning) {
    panBy(at.sx - panning.sx, at.sy - panning.sy);
    panning = at;
    return;
  }
  if (!gesture) return emit("hover", at);
  const trail = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  const box = stage.getBoundingClientRect();
  penMove((trail.length ? trail : [event]).map((step) => locate(step, box)));
});

function lift(event) {
  if (event.pointerType === "touch" && !fingers.delete(event.pointerId)) return; // a palm
  if (pinch) {
    if (!fingers.size) pinch = null;
    return;
  }
  if (panning) {
    panning = null;
    return showCursor();
  }
  if (!gesture) return;
  if (event.type === "pointercancel") return penCancel();
  emit("pen", "up");
  S.penUp = Math.min(event.timeStamp, performance.now());
  penUp();
}
stage.addEventListener("pointerup", lift);
stage.addEventListener("pointercancel", lift);
stage.addEventListener("pointerleave", () => {
  showRing(null);
  emit("hover", null);
});
stage.addEventListener("contextmenu", (event) => { if (S.photo) event.preventDefault(); });
stage.addEventListener("wheel", (event) => {
  if (!S.photo) return;
  event.preventDefault();
  const at = locate(event);
  if (event.shiftKey) return panBy(-(event.deltaX || event.deltaY) * view.dpr, 0);
  // Two fingers on a trackpad come as small turns of a wheel with Ctrl.
  const lines = (event.deltaMode === 1 ? 16 : 1) * (event.ctrlKey ? 10 : 1);
  zoomAbout(Math.exp(-clamp(event.deltaY * lines, -120, 120) * 0.0022), at.sx, at.sy);
}, { passive: false });
