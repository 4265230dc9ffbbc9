// Asking for results: one run on its way and at most one waiting, the newest; older answers are never shown.
const MOST_PATCHES = 64;
// A stroke gets a quick answer; when the hand rests, large holes are done anew at full size, and
// refined where that was asked for.
const REST = { full: 350, refined: 1500 };
let running = null, waiting = false, restTimer = 0;
// Every question has a number of its own, so that giving one up never reaches the next. After a reload the
// numbers go on above those from before, also if the clock was set back meanwhile: the first question overtakes
// what nobody waits for any more.
let turns = Date.now();
try { turns = Math.max(turns, Number(sessionStorage.getItem("lama-canvas-turn")) || 0); } catch { /* private window */ }
function nextTurn() {
  turns += 1;
  try { sessionStorage.setItem("lama-canvas-turn", turns); } catch { /* private window */ }
  return turns;
}

// All of it as it is now: while the mask is being packed more may be drawn.
async function drawingValue() {
  const runs = S.raster && maskHistory.runs, width = S.photo ? S.photo.width : 0;
  const value = {
    version: 1, photo: S.photo ? S.photo.id : null, name: S.photo ? S.photo.name : "",
    width, height: S.photo ? S.photo.height : 0,
    mask: null, strokes: S.strokes, strategy: S.strategy, request: S.request, model: S.model, live: isLive(),
    // What the page shows already need not be sent again; now and then everything is, in one piece.
    shown: S.result && S.result.patches.length < MOST_PATCHES ? S.result.id : null,
    // A better version of it may still be on its way, or never have come.
    shown_version: S.result ? S.result.version : 0,
  };
  const box = runs && holesBox(runs, width);
  if (box) value.mask = { ...box, png: toBase64(await encodeMaskPng(runs, width, box)) };
  return value;
}

// Writes the component's value; Python gets it with the next event that asks for it.
async function publish() {
  const request = S.request;
  const value = await drawingValue();
  if (request === S.request) props.value = JSON.stringify(value);
  return value;
}

// What is saved and compared is what is open, also before anything is marked.
on("photo", () => {
  clearTimeout(restTimer);
  giveUp();
  running = null;
  settleMask();
  publish();
});
on("ready", publish);

on("pen", (state) => {
  if (state === "up") S.penUp = performance.now();
  if (state === "down") makeRoom();
  if (state !== "given up") return;
  settleMask();
  if (S.result && !running) restAfter(S.result.quality, S.result);
});

// The cores are for the stroke that begins: when it ends, nothing else is at work any more. A first look
// that is not done anew now is done with the stroke's own.
function makeRoom() {
  clearTimeout(restTimer);
  if (!running || running.quality !== "full") return;
  cancelOnServer(running);
  running = null;
  emit("running");
}

const cancelOnServer = (run) => ask("cancel", { page: tab, request: run.turn });

on("mask", ({ why }) => {
  clearTimeout(restTimer);
  S.request += 1;
  // A stroke was timed when the pen went up; undo and the like begin now.
  if (why !== "drawn") S.penUp = performance.now();
  stage.dataset.request = S.request;
  note("");
  if (!S.raster.count) {
    dropResult();
    publish();
    emit("facts");
    return;
  }
  if (isLive()) return requestRun();
  // The last result stays until the next run, under the red of what was added.
  settleMask();
  publish();
  emit("facts");
});

// Nobody waits for the run on its way any more.
function giveUp() {
  waiting = false;
  if (!running) return;
  running.gone = true;
  cancelOnServer(running);
}

function dropResult() {
  giveUp();
  S.result = null;
  makeProxyResult();
  settleMask();
  redraw();
  emit("result");
}

// The Inpaint button and the like: the wait begins now, not when the pen went up.
function startRun() {
  S.penUp = performance.now();
  note("");
  requestRun();
}

// Called at pen-up in live mode.
function requestRun() {
  if (!S.raster || !S.raster.count) return note(S.photo ? "Paint over what should go, then press Inpaint." : "Open a photo first.");
  if (S.raster.count === S.raster.data.length) {
    settleMask();
    publish();
    return note("Everything is marked, so there is nothing to go by. Erase a part of the mask.");
  }
  // What only makes the last result better is overtaken on the server by the new run.
  const busy = running && running.quality !== "full" && running.quality !== "refined";
  if (!S.photo.id || busy) {
    waiting = true;
    settleMask();
    if (busy) tellOvertaken();
    if (!S.photo.id) sendAgain();
    return publish();
  }
  return run();
}

// Tells the server at once that the run on its way is out of date: only if it has been long at it.
function tellOvertaken() {
  if (performance.now() - running.start > 400 && !running.told) {
    running.told = true;
    cancelOnServer(running);
  }
}

async function run() {
  waiting = false;
  const mine = begin("first");
  settleMask();
  const value = await drawingValue();
  // What was drawn with is for whoever saves the mask; a fill goes by the mask alone.
  const question = ask("run", { page: tab, value: { ...value, strokes: [], request: mine.turn } });
  if (mine.request === S.request) props.value = JSON.stringify(value);
  await settle(mine, question);
}

// The same holes once more, at full size or refined; only the result's id travels.
async function improve(quality) {
  const mine = begin(quality, S.result.id);
  await settle(mine, ask("better", { page: tab, result: mine.better, request: mine.turn, quality }));
}

function begin(quality, better = null) {
  const drawn = { runs: maskHistory.runs, strokes: S.strokes, strategy: S.strategy };
  running = { request: S.request, turn: nextTurn(), start: performance.now(), penUp: S.penUp, photo: S.photo, quality, better, drawn, live: isLive(), pixels: S.raster.count };
  emit("running");
  return running;
}

// Whether an answer may be shown: to the newest request, or one that makes what is shown better. That one
// is shown though the next stroke has begun: the server goes on from it. With Live off the run that was
// asked for is shown though more was marked meanwhile.
function stillWanted(mine) {
  if (S.photo !== mine.photo) return false;
  return mine.better ? S.result?.id === mine.better : isFresh(mine);
}
const isFresh = (mine) => S.photo === mine.photo && !mine.gone &&
  (mine.request === S.request || !(mine.live || mine.better));

async function settle(mine, question) {
  const answer = await question;
  const overtaken = running !== mine;
  if (!overtaken) running = null;
  const fresh = isFresh(mine);
  if (answer.ok && stillWanted(mine)) {
    await showResult(answer, mine).catch((error) => {
      console.error(error);
      note("The browser could not show the result. It may be short of memory.", "problem", { words: "Try again", act: startRun });
    });
  } else if (!answer.ok && !answer.cancelled && fresh) {
    note(answer.message, "problem", { words: "Try again", act: startRun });
  }
  if (overtaken) return;
  emit("running");
  if (waiting) return void run();
  settleMask();
  if (fresh && answer.ok) restAfter(mine.quality, answer);
}
on("ready", () => { if (waiting && !running) run(); });

// What follows when nothing else is drawn: full size after a first look, refinement after that.
function restAfter(quality, answer) {
  clearTimeout(restTimer);
  const next = answer.rough ? "full" : S.refine && quality !== "refined" ? "refined" : null;
  if (next) restTimer = setTimeout(() => { if (!running && !gesture && S.result && S.result.id === answer.result) improve(next); }, REST[next]);
}

function setRefine(refine) {
  S.refine = refine;
  try { localStorage.setItem("lama-refine", refine ? "yes" : "no"); } catch { /* private window */ }
  if (!refine) {
    clearTimeout(restTimer);
    if (running && running.quality === "refined") cancelOnServer(running);
  } else if (S.result && !running) improve("refined");
}

async function showResult(answer, mine) {
  const patches = await Promise.all(answer.patches.map(async (patch) => {
    const { x, y, width, height, png } = patch;
    return { x, y, width, height, bitmap: await createImageBitmap(new Blob([fromBase64(png)], { type: "image/png" })) };
  }));
  if (!stillWanted(mine)) return;
  const before = S.result;
  if (mine.better && answer.version < before.version) return; // one that is better still came first
  const kept = answer.keeps && before && before.id === answer.keeps ? before.patches : [];
  if (answer.keeps && !kept.length && before?.id !== answer.keeps) return requestRun();
  const hidden = (old) => patches.some((one) => covers(one, old));
  // A better picture is of the same drawing, and does not change when the first one came.
  const { runs, strokes, strategy, shown } = mine.better ? before : mine.drawn;
  S.result = { ...answer, patches: [...kept.filter((old) => !hidden(old)), ...patches], id: answer.result, quality: mine.quality, clear: S.photo.format !== "JPEG", runs, strokes, strategy, shown };
  if (!mine.better) {
    learnSpeed(answer, mine);
    uncover(patches);
  }
  makeProxyResult(answer.keeps ? patches : null);
  drawBase(answer.keeps || !before ? patches : null);
  if (!mine.better) tellWhenShown(mine);
  emit("result");
}

function tellWhenShown(mine) {
  const result = S.result;
  requestAnimationFrame(() => {
    // The next frame's start is when the pixels drawn before are on the screen.
    requestAnimationFrame(() => {
      if (S.result?.id !== result.id) return;
      S.result.shown = performance.now() - mine.penUp;
      stage.dataset.shown = mine.request;
      stage.dataset.milliseconds = S.result.shown.toFixed(1);
      emit("facts");
    });
  });
}

const covers = (one, other) =>
  one.x <= other.x && one.y <= other.y && one.x + one.width >= other.x + other.width && one.y + one.height >= other.y + other.height;

function cancelRun() {
  giveUp();
  running = null; // its answer may never come, and the next run does not wait for it
  emit("running");
  settleMask();
  emit("facts");
}

