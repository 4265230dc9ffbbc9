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
  if (name === "select") closeMenus();
  showAdjusting();
  showCursor();
  if (!ringPlace) showKeyPen();
}

// The mouse's own cursor over the stage; the brushes have the ring instead.
function showCursor() {
  stage.dataset.cursor = panning ? "grabbing" : spaceHeld ? "grab" : CROSSED.includes(S.tool) ? "cross" : "";
  showRingAgain();
}

function setBrush(size) {
  S.brush = clamp(Math.round(size), 4, 200);
  find(".lc-size input").value = S.brush;
  find(".lc-size i").style.setProperty("--dot", clamp(S.brush / 4, 4, 26) + "px");
  showRingAgain();
}

// The ring follows the pointer; `at` in device pixels of the stage, or null off it. Tools that are not round have the
// mouse's own cross; from the keyboard they get a small ring with a cross in it.
let ringPlace = null;
function showRing(at, byKey = false) {
  ringPlace = at && { at, byKey };
  const crossed = CROSSED.includes(S.tool);
  ring.hidden = !S.photo || !at || (crossed && !byKey) || Boolean(panning) || spaceHeld;
  ring.classList.toggle("cross", crossed);
  if (ring.hidden) return;
  ring.style.width = ring.style.height = (crossed ? 26 : S.brush) + "px";
  ring.style.transform = "translate(" + at.sx / view.dpr + "px," + at.sy / view.dpr + "px) translate(-50%,-50%)";
}
// Where it is, after another size, tool or cursor.
const showRingAgain = () => showRing(ringPlace && ringPlace.at, Boolean(ringPlace && ringPlace.byKey));

function showDraft(points, closed) {
  const path = points.map((p, i) => (i ? "L" : "M") +
    ((p.x * view.scale + view.x) / view.dpr).toFixed(1) + " " + ((p.y * view.scale + view.y) / view.dpr).toFixed(1)).join("") + (closed ? "Z" : "");
  draft.forEach((line) => line.setAttribute("d", path));
}

const corners = (a, b) => [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }];
const clampPoint = (p) => ({ x: clamp(p.x, 0, S.photo.width), y: clamp(p.y, 0, S.photo.height) });

// Where the last stroke of a brush ended: Shift draws a straight line from there.
let strokeEnd = null;
on("photo", () => { strokeEnd = null; });

// `more` is Shift, or a finger: one more object. `other` is Alt and the like: the eraser, or the other way.
// `straight` is Shift alone.
function penDown(at, other, more = false, straight = more) {
  const crossed = CROSSED.includes(S.tool), erase = crossed ? other !== takesAway : other;
  const tool = erase && !crossed ? "eraser" : S.tool;
  gesture = { tool, value: tool === "eraser" || erase ? 0 : 1, radius: brushRadius(), points: [at], last: at, more, start: performance.now() };
  if (tool === "select") return forgetHover();
  settleMask();
  drawMask(null);
  if (tool === "brush" || tool === "eraser") {
    const from = (straight && strokeEnd) || at;
    if (from !== at) gesture.points.unshift(from);
    drawMask(onStage(S.raster.capsule(from, at, gesture.radius, gesture.value)));
  }
  emit("pen", "down");
}

// The places where the pen was since the last event, drawn at once.
function penMove(places) {
  if (!gesture) return;
  const { tool, points } = gesture;
  if (tool === "box" || tool === "select") {
    gesture.last = places.at(-1);
    return showDraft(corners(points[0], gesture.last).map(clampPoint), true);
  }
  let marked = null;
  for (const at of places) {
    const { last } = gesture;
    if (Math.hypot(at.x - last.x, at.y - last.y) * view.scale < 1) continue;
    points.push(at);
    gesture.last = at;
    if (tool !== "lasso") marked = boxAround(marked, S.raster.capsule(last, at, gesture.radius, gesture.value));
  }
  if (tool === "lasso") showDraft(points, false);
  else if (marked) drawMask(onStage(marked));
}

// Ends the stroke. Returns whether the mask changed.
function penUp() {
  const done = gesture;
  gesture = null;
  showDraft([], false);
  if (!done) return;
  if (done.tool === "brush" || done.tool === "eraser") strokeEnd = done.last;
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
  redraw("mask");
  emit("pen", "up");
  if (!maskHistory.commit()) emit("pen", "given up");
}
