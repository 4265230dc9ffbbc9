// Undo and redo: the whole mask in run lengths, a few kilobytes a step whatever the photo's size.
function packRuns(data) {
  const runs = [];
  let from = 0, value = 0;
  while (from < data.length) {
    let to = data.indexOf(value ^ 1, from);
    if (to < 0) to = data.length;
    runs.push(to - from);
    from = to;
    value ^= 1;
  }
  return Uint32Array.from(runs);
}

function unpackRuns(runs, length) {
  const data = new Uint8Array(length);
  let at = 0;
  runs.forEach((size, index) => {
    if (index & 1) data.fill(1, at, at + size);
    at += size;
  });
  return data;
}

const history = (() => {
  const LIMIT = 200;
  let past = [], future = [], now = null;
  const state = () => ({ runs: packRuns(S.raster.data), strokes: S.strokes, strategy: S.strategy });
  function restore(step) {
    now = step;
    S.raster.replace(unpackRuns(step.runs, S.raster.data.length));
    S.strokes = step.strokes;
    S.strategy = step.strategy;
  }
  return {
    start() { past = []; future = []; now = state(); },
    // Called after every finished change of the mask.
    commit() {
      past.push(now);
      if (past.length > LIMIT) past.shift();
      now = state();
      future = [];
      emit("mask", { why: "drawn" });
    },
    undo() {
      if (!past.length) return;
      future.push(now);
      restore(past.pop());
      emit("mask", { why: "undo" });
    },
    redo() {
      if (!future.length) return;
      past.push(now);
      restore(future.pop());
      emit("mask", { why: "redo" });
    },
    // Takes an unfinished change back, as if the pen had never come down.
    revert() { if (now) S.raster.replace(unpackRuns(now.runs, S.raster.data.length)); },
    // What was done to one photo, to be put back if another cannot be opened after all.
    save: () => ({ past, future, now }),
    load(saved) { ({ past, future, now } = saved); },
    get canUndo() { return past.length > 0; },
    get canRedo() { return future.length > 0; },
  };
})();
