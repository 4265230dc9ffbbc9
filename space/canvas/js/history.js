// Undo and redo: the whole mask in runs, a few kilobytes a step whatever the photo's size.
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
    // The mask as it was last changed for good, without a gesture that is under way.
    get runs() { return now.runs; },
    // Takes an unfinished change back, as if the pen had never come down.
    revert() { if (now) S.raster.replace(unpackRuns(now.runs, S.raster.data.length)); },
    // What was done to one photo, to be put back if another cannot be opened after all.
    save: () => ({ past, future, now }),
    load(saved) { ({ past, future, now } = saved); },
    get canUndo() { return past.length > 0; },
    get canRedo() { return future.length > 0; },
  };
})();
