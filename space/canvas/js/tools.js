// Brush, eraser, box and lasso: one gesture from pen-down to pen-up, and the ring that shows the brush.
const ring = find(".lc-ring");
const draft = root.querySelectorAll(".lc-draft path");
let gesture = null;
const TOOLS = ["brush", "eraser", "box", "lasso", "select"];
const CROSSED = ["box", "lasso", "select"];

// Brushes have a size; the others mark or take away, which Alt exchanges.
let takesAway = false;
const ways = [...root.querySelectorAll("[data-way]")];
function chooseWay(name) {
  takesAway = name === "take";
  for (const button of ways) {
    button.setAttribute("aria-checked", String(button.dataset.way === name));
    button.tabIndex = button.dataset.way === name ? 0 : -1;
  }
}

function chooseTool(name) {
  if (name !== S.tool) chooseWay("add");
  S.tool = name;
  find(".lc-ways").hidden = !CROSSED.includes(name);
  find(".lc-size").hidden = CROSSED.includes(name);
  for (const button of root.querySelectorAll("[data-tool]")) {
    const chosen = button.dataset.tool === name;
    button.setAttribute("aria-checked", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
  }
  ring.classList.toggle("erase", name === "eraser");
  ring.hidden = true;
  stage.dataset.cursor = CROSSED.includes(name) ? "cross" : "";
  if (name === "select") closeMenus();
  showAdjusting();
  showKeyPen();
}

function setBrush(size) {
  S.brush = clamp(Math.round(size), 4, 200);
  find(".lc-size input").value = S.brush;
  const dot = find(".lc-size i");
  dot.style.width = dot.style.height = clamp(S.brush / 4, 4, 26) + "px";
  if (!CROSSED.includes(S.tool)) ring.style.width = ring.style.height = S.brush + "px";
}

// The ring follows the pointer; `at` in device pixels of the stage. Tools that are not round have the
// mouse's own cross; from the keyboard they get a small ring with a cross in it.
function showRing(at, byKey = false) {
  const crossed = CROSSED.includes(S.tool), size = crossed ? 26 : S.brush;
  ring.hidden = !S.photo || !at || (crossed && !byKey);
  ring.classList.toggle("cross", crossed);
  if (ring.hidden) return;
  ring.style.width = ring.style.height = size + "px";
  ring.style.transform = "translate(" + (at.sx / view.dpr - size / 2) + "px," + (at.sy / view.dpr - size / 2) + "px)";
}

function showDraft(points, closed) {
  const path = points.map((p, i) => (i ? "L" : "M") +
    ((p.x * view.scale + view.x) / view.dpr).toFixed(1) + " " + ((p.y * view.scale + view.y) / view.dpr).toFixed(1)).join("") + (closed ? "Z" : "");
  draft.forEach((line) => line.setAttribute("d", path));
}

const corners = (a, b) => [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }];
const clampPoint = (p) => ({ x: clamp(p.x, 0, S.photo.width), y: clamp(p.y, 0, S.photo.height) });

// `more` is Shift, or a finger: one more object. `other` is Alt and the like: the eraser, or the other way.
function penDown(at, other, more = false) {
  const crossed = CROSSED.includes(S.tool), erase = crossed ? other !== takesAway : other;
  const tool = erase && !crossed ? "eraser" : S.tool;
  gesture = { tool, value: tool === "eraser" || erase ? 0 : 1, radius: brushRadius(), points: [at], last: at, more, start: performance.now() };
  if (tool === "select") return forgetHover();
  showMask("drawing");
  drawMask(null);
  if (tool === "brush" || tool === "eraser") drawMask(onStage(S.raster.capsule(at, at, gesture.radius, gesture.value)));
  emit("pen", "down");
}

function penMove(at) {
  if (!gesture) return;
  const { tool, last, points } = gesture;
  if (tool === "box" || tool === "select") {
    gesture.last = at;
    showDraft(corners(points[0], at).map(clampPoint), true);
  } else if (Math.hypot(at.x - last.x, at.y - last.y) * view.scale >= 1) {
    points.push(at);
    gesture.last = at;
    if (tool === "lasso") showDraft(points, false);
    else drawMask(onStage(S.raster.capsule(last, at, gesture.radius, gesture.value)));
  }
}

// Ends the stroke. Returns whether the mask changed.
function penUp() {
  const done = gesture;
  gesture = null;
  showDraft([], false);
  if (!done) return;
  if (done.tool === "select") return void selectAt(done, done.value ? (done.more ? "add" : "new") : "remove");
  // What a brush marked is on the screen already.
  if (done.tool === "box") drawMask(onStage(S.raster.rectangle(clampPoint(done.points[0]), clampPoint(done.last), done.value)));
  if (done.tool === "lasso" && done.points.length > 2) drawMask(onStage(S.raster.polygon(done.points, done.value)));
  S.strokes = S.strokes.concat([strokeRecord(done)]);
  S.strategy = "drawn";
  if (!maskHistory.commit()) emit("pen", "given up");
}

function penCancel() {
  if (!gesture) return;
  gesture = null;
  showDraft([], false);
  maskHistory.revert();
  redraw();
  emit("pen", "given up");
}

function strokeRecord(done) {
  const points = done.tool === "box" ? [done.points[0], done.last] : done.points;
  return {
    tool: done.tool,
    erase: done.value === 0,
    size: Math.round(done.radius * 20) / 10,
    points: points.map((p) => [Math.round(p.x * 10) / 10, Math.round(p.y * 10) / 10]),
    ms: Math.round(performance.now() - done.start),
  };
}

// A mask that comes from elsewhere waits for the stroke under way. Whether the photo is still the one it is for.
async function penIsUp(photo) {
  while (gesture && S.photo === photo) await new Promise((resolve) => setTimeout(resolve, 40));
  return S.photo === photo;
}

// Whole-mask changes: invert, clear, a mask from a file or from a strategy.
function changeMask(change, record, strategy = "drawn") {
  if (!S.raster) return;
  change(S.raster);
  S.strokes = S.strokes.concat([record]);
  S.strategy = strategy;
  showMask("drawing");
  redraw("mask");
  emit("pen", "up");
  if (!maskHistory.commit()) emit("pen", "given up");
}
