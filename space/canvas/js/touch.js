// Pointers to gestures: mouse, pen and one finger draw; two fingers, Space or the middle button move the photo.
const fingers = new Map();
let panning = null, pinch = null, spaceHeld = false, penSeen = false, byPointer = false, drawing = "";

function pinchState() {
  const [a, b] = [...fingers.values()];
  return { x: (a.sx + b.sx) / 2, y: (a.sy + b.sy) / 2, apart: Math.hypot(a.sx - b.sx, a.sy - b.sy) };
}

function startPan(event, at) {
  panning = at;
  stage.setPointerCapture(event.pointerId);
  stage.dataset.cursor = "grabbing";
  ring.hidden = true;
}

stage.addEventListener("pointerdown", (event) => {
  if (!S.photo || event.target.closest("button")) return;
  closeMenus();
  byPointer = true;
  stage.dataset.pointer = "yes";
  stage.focus({ preventScroll: true });
  event.preventDefault();
  const at = locate(event);
  // The palm beside a pen that draws.
  if (event.pointerType === "touch" && gesture && drawing === "pen") return;
  if (event.pointerType === "pen") {
    // The palm was there first: what it began is not meant.
    penSeen = true;
    fingers.clear();
    if (panning) chooseTool(S.tool);
    panning = pinch = null;
    penCancel();
  }
  if (event.pointerType === "touch") {
    fingers.set(event.pointerId, at);
    if (fingers.size === 2) {
      penCancel();
      panning = null;
      pinch = pinchState();
      return;
    }
    if (fingers.size > 2) return;
    if (penSeen) return startPan(event, at);
  }
  if (event.button === 1 || spaceHeld) return startPan(event, at);
  if (event.button !== 0 && event.button !== 2) return;
  stage.setPointerCapture(event.pointerId);
  drawing = event.pointerType;
  penDown(at, event.button === 2 || event.altKey, event.shiftKey || event.pointerType === "touch");
});

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
  if (panning) {
    panBy(at.sx - panning.sx, at.sy - panning.sy);
    panning = at;
    return;
  }
  if (event.pointerType !== "touch") showRing(at);
  if (gesture) {
    const trail = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const step of trail.length ? trail : [event]) penMove(locate(step));
  } else emit("hover", at);
});

function lift(event) {
  if (event.pointerType === "touch" && !fingers.delete(event.pointerId)) return; // a palm
  if (pinch) {
    if (!fingers.size) pinch = null;
    return;
  }
  if (panning) {
    panning = null;
    chooseTool(S.tool);
    if (spaceHeld) stage.dataset.cursor = "grab";
    return;
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
  ring.hidden = true;
  emit("hover", null);
});
stage.addEventListener("contextmenu", (event) => { if (S.photo) event.preventDefault(); });
stage.addEventListener("wheel", (event) => {
  if (!S.photo) return;
  event.preventDefault();
  const at = locate(event);
  if (event.shiftKey) return panBy(-(event.deltaX || event.deltaY) * view.dpr, 0);
  const lines = event.deltaMode === 1 ? 16 : 1;
  zoomAbout(Math.exp(-clamp(event.deltaY * lines, -120, 120) * 0.0022), at.sx, at.sy);
}, { passive: false });
