// What was open before, kept whole: a photo that another was opened over, the picture that a result was gone
// on from, and what a refused file would have replaced.
const KEPT_PIXELS = 48e6;
const PARTS = ["photo", "bitmap", "file", "chosen", "original", "before", "after", "strokes", "strategy", "result", "strip", "compare", "unsaved"];
let back = null, leaving = null;
on("photo", () => { if (!S.photo) back = null; });

function snapshot() {
  return { ...Object.fromEntries(PARTS.map((name) => [name, S[name]])), steps: maskHistory.save(), place: { ...view } };
}

// A photo that is still on its way to the server can be sent again from its file.
const drawnOn = ({ photo, file, before, steps }) =>
  Boolean(photo && (photo.id || file) && (before || steps.past.length || steps.now.runs.length > 1));

// Shows what a snapshot holds, or the empty stage.
function putBack(earlier) {
  if (S.photo === earlier.photo) return;
  leaveRecord();
  penCancel();
  for (const name of PARTS) S[name] = earlier[name];
  root.dataset.photo = S.photo ? "yes" : "no";
  if (!S.photo) S.raster = null;
  else {
    root.style.setProperty("--aspect", (S.photo.height / S.photo.width).toFixed(4));
    maskHistory.load(earlier.steps);
    makeProxies();
    makeProxyResult();
    putView(earlier.place);
  }
  S.request += 1;
  stage.dataset.request = S.request;
  redraw();
  emit("photo");
  emit("result");
  settlePutBack();
}

// The photo at the place it had; only a stage of another size may need it fitted anew.
function putView(place) {
  const whole = Math.abs(place.scale - place.fit) < 1e-6;
  measureStage();
  if (place.width !== view.width || place.height !== view.height) {
    if (whole) return fitView();
  }
  Object.assign(view, { scale: place.scale, x: place.x, y: place.y, fit: fitScale() });
  settleView();
  emit("view");
}

// A run that was on its way when the photo was left is asked for once more.
function settlePutBack() {
  if (!S.photo) return;
  if (S.result && !unfilled()) {
    stage.dataset.shown = S.request;
    restAfter(S.result.quality, S.result);
  } else if (S.raster.count && isLive()) requestRun();
}

// Shows another photo. Until the server has taken it, what was open before can be had back.
function replacePhoto(bitmap, facts, file = null, chosen = file) {
  leaving = whatIsLeft();
  leaveRecord();
  showPhoto(bitmap, facts, file, chosen);
}
// What is open, or what was before a photo that never arrived and that nothing is drawn on.
function whatIsLeft() {
  const here = snapshot();
  return leaving && !(S.photo && !S.photo.id && drawnOn(here)) ? leaving : here;
}
// After a file that could not be opened, whether it was shown already or not. A photo that was on its way before
// goes on its way again; `said` is why.
function comeBack(refused = null, said = "") {
  if (leaving && S.file === refused) {
    comeBackTo(leaving);
    leaving = null;
  }
  if (S.photo && !S.photo.id && S.file !== refused) sendPhoto(S.file, S.bitmap, ++opening, said);
}

function comeBackTo(earlier) {
  putBack(earlier);
  if (S.photo) emit("opened", { blob: S.file });
  else tabNamed.then(() => keep.forget(tab));
}

// The photo is there for good: from now on there is a way back to what was drawn on the one before.
function arrive(more = "") {
  if (leaving) leave(leaving);
  leaving = null;
  emit("opened", { blob: S.file });
  sayOpened(more);
  emit("ready");
}
function leave(earlier) {
  if (drawnOn(earlier)) back = earlier;
}

function sayOpened(more = "") {
  if (!back) return note(more, "info");
  const words = ["Opened " + S.photo.name + ".", more].filter(Boolean).join(" ");
  note(words, "info", { words: "Back to " + back.photo.name, act: goBackToPhoto });
}

// Changes places with the photo that was left, so that this way leads back as well.
function goBackToPhoto() {
  if (back && !gesture) goBackTo(back);
}
function goBackTo(there) {
  const here = whatIsLeft();
  endQueue();
  const turn = ++opening;
  endOpening();
  leaving = null;
  if (back && back.photo === there.photo) back = null;
  leave(here);
  putBack(there);
  if (there.photo.id) arrive();
  else sendPhoto(there.file, there.bitmap, turn);
}

// To the picture before the one that was gone on to, and on to that one again.
function stepBack() {
  const from = snapshot();
  putBack(S.before);
  S.after = from;
  tellStep();
}
function stepOn() {
  const from = snapshot();
  putBack(S.after);
  S.before = from;
  tellStep();
}
function tellStep() {
  note("");
  emit("opened", { blob: S.file });
  emit("facts");
}

// Pictures are large: the oldest are let go once all of them together are too many pixels.
function trimBefore() {
  const size = S.photo.width * S.photo.height;
  let pixels = 3 * size; // what is open, what it is compared with, and one step back
  for (let step = S.before; step; step = step.before) {
    step.strip = [];
    pixels += size;
    if (pixels > KEPT_PIXELS) step.before = null;
  }
}
