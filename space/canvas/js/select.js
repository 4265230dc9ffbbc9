// Selecting objects: a click, Shift and a click for one more, Alt and a click to take a part away, or a
// box. What was selected is an ordinary mask; until the next stroke it can be grown and smoothed.
const adjusting = find("#lc-adjust");
const growBy = adjusting.querySelector(".lc-grow"), smoothBy = adjusting.querySelector(".lc-smooth");
const QUICK = 300;
let selection = null, pending = null, edit = null, hoverTimer = 0, hovering = false, hoverCost = 0, committing = false, selections = 0;
// Quick clicks go on from each other, so that the last one's answer holds them all; what is taken away goes one by one.
const selecting = newest(), hovers = newest();
let asking = 0, erasures = Promise.resolve();

// A few pixels more than the object keep its rim and its shadow from shining through the fill.
const defaultGrowth = () => clamp(Math.round(Math.max(S.photo.width, S.photo.height) / 200), 3, 16);

function pickAt(at) {
  return { x: clamp(Math.floor(at.x), 0, S.photo.width - 1), y: clamp(Math.floor(at.y), 0, S.photo.height - 1) };
}

function boxOf(a, b) {
  const [p, q] = [clampPoint(a), clampPoint(b)];
  return [Math.min(p.x, q.x), Math.min(p.y, q.y), Math.max(p.x, q.x), Math.max(p.y, q.y)];
}

// At the pen's lift. `how` is new, add or remove.
async function selectAt(done, how) {
  const far = Math.hypot(done.last.x - done.points[0].x, done.last.y - done.points[0].y) * view.scale > 6 * view.dpr;
  const pick = far ? { box: boxOf(done.points[0], done.last) } : pickAt(done.points[0]);
  if (!far && (done.points[0].x < 0 || done.points[0].y < 0 || done.points[0].x >= S.photo.width || done.points[0].y >= S.photo.height)) return;
  // A click may come before the last one is answered: it goes on from that one.
  const before = pending ?? selection;
  const full = before && before.picks.length >= FACTS.most_picks; // what is selected is drawing now
  const goingOn = before && how !== "new" && !full;
  const going = goingOn ? before : { rest: before && !full ? before.rest : S.raster.data.slice(), picks: [] };
  if (how === "remove") {
    if (far || !going.picks.length) return eraseLater(pick);
    pick.remove = true;
  }
  const picks = going.picks.concat([pick]), photo = S.photo, runs = maskHistory.runs;
  const mine = (pending = { rest: going.rest, picks });
  const answer = await askObjects(picks, selecting());
  if (pending === mine) pending = null;
  if (!answer) return;
  const whole = await wholeMask(answer.mask);
  if (!(await penIsUp(photo))) return;
  // What was drawn while the answer was on its way stays.
  const rest = sameRuns(maskHistory.runs, runs) ? going.rest : S.raster.data.slice();
  startEdit(whole, rest, defaultGrowth(), 0);
  commitEdit({ tool: "select", picks, provider: answer.provider, seconds: answer.seconds });
  selection = { rest, picks };
  stage.dataset.selections = ++selections;
}

// Alt on what was not selected: the object under the click, or in the box, leaves the mask.
function eraseLater(pick) {
  const photo = S.photo;
  erasures = erasures.then(() => S.photo === photo && eraseObject(pick)).catch(console.error);
}
on("photo", () => { erasures = Promise.resolve(); });

async function eraseObject(pick) {
  const photo = S.photo, answer = await askObjects([pick]);
  if (!answer) return;
  const whole = await wholeMask(answer.mask);
  if (!(await penIsUp(photo))) return;
  changeMask((raster) => raster.replace(raster.data.map((value, i) => (whole[i] ? 0 : value))), { tool: "select", erase: true, picks: [pick] });
  stage.dataset.selections = ++selections;
}

// What is at some picks; null if it is not wanted any more. What came to nothing is said.
async function askObjects(picks, isWanted = () => true) {
  const photo = S.photo;
  if (!photo.id) return void note("The photo is still on its way. Try again in a moment.");
  asking += 1;
  stage.dataset.selecting = "yes";
  const answer = await withWait(askTimed({ photo: photo.id, picks, outline: false }));
  asking -= 1;
  if (!asking) delete stage.dataset.selecting;
  if (S.photo !== photo || !isWanted()) return null;
  if (!answer.ok) return void note(answer.message);
  if (!answer.mask) return void note("Nothing was made out there. Click on its middle, or drag a box around it.", "info");
  return answer;
}

async function askTimed(question) {
  const start = performance.now();
  const answer = await ask("select", question);
  hoverCost = performance.now() - start;
  return answer;
}

// One of the rows under the toolbar at a time: with a menu open there is none for the sliders.
function showAdjusting() {
  adjusting.hidden = S.tool !== "select" || Boolean(find(".lc-menu:not([hidden])"));
}

function startEdit(data, rest, grow, smooth) {
  edit = reshaper(data, rest);
  growBy.value = grow;
  smoothBy.value = smooth;
  showAmounts();
}

function showAmounts() {
  const grow = Number(growBy.value);
  adjusting.querySelector(".lc-grow-value").textContent = (grow > 0 ? "+" : grow < 0 ? "−" : "") + Math.abs(grow) + " px";
  adjusting.querySelector(".lc-smooth-value").textContent = smoothBy.value + " px";
}

// The sliders work on the selection, or on all of a mask that was drawn.
function previewEdit() {
  showAmounts();
  if (!S.raster || (!edit && !S.raster.count)) return;
  edit ??= reshaper(S.raster.data.slice(), new Uint8Array(S.raster.data.length));
  edit.apply(Number(growBy.value), Number(smoothBy.value));
  showMask("drawing");
  redraw("mask");
}

function commitEdit(record) {
  if (!edit) return;
  const shape = { grow: Number(growBy.value), smooth: Number(smoothBy.value) };
  edit.apply(shape.grow, shape.smooth);
  committing = true;
  changeMask(() => {}, { ...record, ...shape });
  committing = false;
}

for (const slider of [growBy, smoothBy]) {
  slider.addEventListener("input", previewEdit);
  slider.addEventListener("pointerup", settleMask); // brought back to where it was, nothing changes
  slider.addEventListener("change", () => commitEdit({ tool: "reshape" }));
}

// Any other change of the mask ends the selection: from then on it is a mask like any other.
on("mask", () => {
  if (committing || (!edit && !selection)) return;
  edit = selection = null;
  growBy.value = smoothBy.value = 0;
  showAmounts();
});
on("photo", () => {
  edit = selection = pending = null;
  growBy.value = smoothBy.value = 0;
  showAmounts();
});

// Where the pointer rests, the object below it is outlined, if the last answer came quickly.
function forgetHover() {
  clearTimeout(hoverTimer);
  hovers();
  if (hovering) showDraft([], false);
  hovering = false;
}
on("view", forgetHover); // also of another photo
on("hover", (at) => {
  forgetHover();
  if (S.tool !== "select" || !at || !S.photo || !S.photo.id || gesture || hoverCost > QUICK || running || stage.dataset.selecting) return;
  if (at.x < 0 || at.y < 0 || at.x >= S.photo.width || at.y >= S.photo.height) return;
  const photo = S.photo, isNewest = hovers();
  hoverTimer = setTimeout(async () => {
    const answer = await askTimed({ photo: photo.id, picks: [pickAt(at)], outline: true });
    if (!isNewest() || !answer.ok || !answer.outline || gesture || S.tool !== "select") return;
    hovering = true;
    showOutlines(answer.outline);
  }, 200);
});

function showOutlines(lines) {
  const place = (value, offset) => (((value + 0.5) * view.scale + offset) / view.dpr).toFixed(1);
  const path = lines.map((line) => {
    let text = "";
    for (let i = 0; i < line.length; i += 2) text += (i ? "L" : "M") + place(line[i], view.x) + " " + place(line[i + 1], view.y);
    return text + "Z";
  }).join("");
  draft.forEach((line) => line.setAttribute("d", path));
}
