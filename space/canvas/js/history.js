// Undo and redo: the whole mask in runs, a few kilobytes a step whatever the photo's size.
const maskHistory = (() => {
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
    // Called after every finished change of the mask. What changed nothing is no step: it answers false.
    commit() {
      const next = state();
      if (sameRuns(next.runs, now.runs)) {
        S.strokes = now.strokes;
        S.strategy = now.strategy;
        return false;
      }
      past.push(now);
      if (past.length > LIMIT) past.shift();
      now = next;
      future = [];
      S.after = null;
      emit("mask", { why: "drawn" });
      return true;
    },
    // Before the first step lies the picture that this one was made of, if a result was gone on from.
    undo() {
      if (!past.length) return S.before ? stepBack() : undefined;
      future.push(now);
      restore(past.pop());
      emit("mask", { why: "undo" });
    },
    redo() {
      if (!future.length) return S.after ? stepOn() : undefined;
      past.push(now);
      restore(future.pop());
      emit("mask", { why: "redo" });
    },
    // The mask as it was last changed for good, without a gesture that is under way.
    get runs() { return now.runs; },
    // Takes an unfinished change back, as if the pen had never come down.
    revert() { if (now) S.raster.replace(unpackRuns(now.runs, S.raster.data.length)); },
    // What was done to one photo, to be put back when that photo is.
    save: () => ({ past, future, now }),
    load(saved) {
      ({ past, future, now } = saved);
      S.raster = createRaster(S.photo.width, S.photo.height);
      restore(now);
    },
    get canUndo() { return past.length > 0 || Boolean(S.before); },
    get canRedo() { return future.length > 0 || Boolean(S.after); },
  };
})();
