// Before and after in the same place: a line over the stage, left of it the photo, right of it the result.
const compare = find(".lc-compare");
const line = find(".lc-line");
const grip = find(".lc-grip");

function setCompare(share) {
  S.compare = clamp(share, 0, 1);
  placeLine();
  redraw("base");
}

function placeLine() {
  const width = view.width / view.dpr;
  // Parked at the left edge the grip stays reachable.
  line.style.left = clamp(S.compare * width, 26, Math.max(26, width - 26)) + "px";
  line.style.background = S.compare > 0 ? "" : "transparent";
  line.style.boxShadow = S.compare > 0 ? "" : "none";
  grip.setAttribute("aria-valuenow", String(Math.round(S.compare * 100)));
  grip.setAttribute("aria-valuetext", Math.round(S.compare * 100) + " % of the width shows the original");
  compare.classList.toggle("open", S.compare > 0);
}

// What a stroke on the photo's side of the line made would stay unseen: the line makes room for it.
function uncover(patches) {
  if (!S.compare || !patches.length) return;
  const left = Math.min(...patches.map((patch) => patch.x));
  const share = onStage({ x: left, y: 0 }).x / view.width - 0.02;
  if (share < S.compare) setCompare(share < 0.04 ? 0 : share);
}

function peek(yes) {
  if (S.peek === yes) return;
  S.peek = yes && Boolean(S.photo);
  over.style.visibility = S.peek ? "hidden" : "";
  redraw("base");
}

// The closed handle lies over a corner of the photo, which must be paintable: it goes along with what is dragged
// to the right, and everything else that begins on it is the tool's.
const SURE = 6; // pixels after which a drag has a direction
let held = null;

grip.addEventListener("pointerdown", (event) => {
  event.stopPropagation();
  const ofTool = event.button !== 0 || event.altKey || event.shiftKey || spaceHeld || gesture;
  if (!S.compare && ofTool) return press(event);
  grip.setPointerCapture(event.pointerId);
  if (S.compare) beginCompare();
  else held = event;
});
grip.addEventListener("lostpointercapture", () => {
  held = null;
  settleMask();
});
grip.addEventListener("pointermove", (event) => {
  event.stopPropagation();
  showRing(S.compare || event.pointerType === "touch" ? null : locate(event));
  if (!grip.hasPointerCapture(event.pointerId)) return;
  if (held && !isSure(event)) return;
  const box = stage.getBoundingClientRect();
  const share = (event.clientX - box.left) / box.width;
  setCompare(share < 0.04 ? 0 : share);
});
for (const name of ["pointerup", "pointercancel"]) {
  grip.addEventListener(name, (event) => {
    if (held && name === "pointerup") handOver(event);
    held = null;
  });
}
grip.addEventListener("pointerleave", () => showRing(null));

function beginCompare() {
  held = null;
  showRing(null);
  showMask("gone"); // red over the photo would hide what is compared
}

// Whether a drag that began on the closed handle is one of the handle.
function isSure(event) {
  const dx = event.clientX - held.clientX, dy = Math.abs(event.clientY - held.clientY);
  if (Math.hypot(dx, dy) < SURE) return false;
  if (dx > 1.5 * dy) beginCompare();
  else handOver(event);
  return !held && grip.hasPointerCapture(event.pointerId);
}

// What was held back goes to the tool, from where it began.
function handOver(event) {
  const began = held;
  held = null;
  press(began);
  if (event.type === "pointerup") lift(event);
  else penMove([locate(event)]);
}

// What is painted under it is seen.
on("pen", (state) => compare.classList.toggle("painting", state === "down"));

grip.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: -0.05, ArrowRight: 0.05, Home: -1, End: 1, PageDown: -0.2, PageUp: 0.2 };
  if (!(event.key in steps)) return;
  event.preventDefault();
  event.stopPropagation();
  setCompare(S.compare + steps[event.key]);
});

on("view", placeLine);
for (const name of ["result", "photo"]) {
  on(name, () => {
    compare.hidden = !isChanged();
    placeLine();
  });
}

// The last results; each brings its mask back with it. On a narrow page they are shown after the facts.
const list = find(".lc-strip");
const narrow = matchMedia("(max-width: 900px)");
function placeStrip() {
  (narrow.matches ? inPanel(".lp-strip") : root).append(list);
}

function showStrip() {
  const strip = S.strip, focused = [...list.children].indexOf(document.activeElement);
  list.hidden = strip.length < 2;
  list.replaceChildren(...strip.map((result, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Go back to this result";
    button.setAttribute("aria-label", "Result " + (index + 1) + " of " + strip.length);
    button.setAttribute("aria-current", String(result === S.result));
    const image = document.createElement("img");
    image.alt = "";
    image.src = result.thumb;
    button.append(image);
    button.addEventListener("click", () => goBack(result));
    return button;
  }));
  // Whoever goes through it by keyboard goes on where that was.
  if (focused >= 0) (list.hidden ? stage : list.children[Math.min(focused, strip.length - 1)]).focus({ preventScroll: true });
}

function thumbnail(result) {
  const canvas = document.createElement("canvas");
  canvas.width = 144;
  canvas.height = 108;
  const context = canvas.getContext("2d");
  const scale = Math.max(canvas.width / S.photo.width, canvas.height / S.photo.height);
  context.translate((canvas.width - S.photo.width * scale) / 2, (canvas.height - S.photo.height * scale) / 2);
  const ready = result === S.result && proxyResult;
  context.drawImage(ready || proxy || S.bitmap, 0, 0, S.photo.width * scale, S.photo.height * scale);
  if (!ready) drawPatches(context, scale, 0, 0, result.patches, result.clear);
  return canvas.toDataURL(result.clear ? "image/webp" : "image/jpeg", 0.7);
}

function goBack(result) {
  if (gesture) return;
  giveUp();
  running = null; // its answer is none of this result's
  S.raster.replace(unpackRuns(result.runs, S.raster.data.length));
  S.strokes = result.strokes;
  S.strategy = result.strategy;
  const live = S.live;
  S.live = false;
  S.result = null;
  maskHistory.commit();
  S.live = live;
  S.result = result;
  makeProxyResult();
  settleMask();
  redraw();
  emit("running");
  emit("result");
  emit("facts");
  restAfter(result.quality, result);
}

const isSameFill = (one, other) => one.model === other.model && sameRuns(one.runs, other.runs);

// One picture a mask and model: a better one, or the same once more, takes the place of the one before.
function addToStrip(result) {
  const strip = S.strip;
  const at = strip.findIndex((old) => isSameFill(old, result));
  if (at < 0) strip.push(result);
  else strip[at] = result;
  if (strip.length > 8) strip.shift();
}

on("result", () => {
  if (S.result && !S.strip.includes(S.result)) {
    const result = S.result, strip = S.strip;
    // After the result is on the screen: a thumbnail must not delay it. The next stroke may have begun by then.
    setTimeout(() => {
      if (!S.photo || S.strip !== strip || strip.includes(result)) return;
      if (S.result && S.result !== result && isSameFill(S.result, result)) return; // a better one is here
      result.thumb = thumbnail(result);
      addToStrip(result);
      showStrip();
    }, 250);
  } else showStrip();
});
on("photo", showStrip);
