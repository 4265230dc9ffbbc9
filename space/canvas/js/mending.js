// While a reviewer mends a mask, the mask is what must be seen: live waits.
// It is over with the bar over the canvas, which comes a moment after the photo.
function isMending() {
  if (!S.mending) return false;
  const bar = document.getElementById("fix-bar");
  const open = Boolean(bar) && getComputedStyle(bar).display !== "none";
  if (S.mending.seen && !open) S.mending = null;
  else S.mending.seen ||= open;
  return Boolean(S.mending);
}
document.addEventListener("click", (event) => {
  if (S.mending && event.target.closest("#fix-bar")) S.mending.seen = true;
});

// The reviewer is done. What was accepted stays; without changes, what was there before comes back.
document.addEventListener("lama-mended", ({ detail }) => {
  if (!S.mending) return;
  const { earlier } = S.mending;
  S.mending = null;
  penCancel();
  if (detail === "unchanged") {
    bringBackFromMending(earlier);
    fillIfLive();
  } else {
    S.unsaved = false;
    fillsWhenSeen = true;
  }
  emit("facts");
});

// What was accepted is out of sight, since the next record is shown: Live fills it once somebody looks at it again.
let fillsWhenSeen = false;
on("mask", () => { fillsWhenSeen = false; });
new IntersectionObserver((entries) => {
  if (!fillsWhenSeen || sending || !entries.at(-1).isIntersecting) return;
  fillsWhenSeen = false;
  fillIfLive();
}).observe(stage);

function bringBackFromMending(earlier) {
  if (S.photo !== earlier.photo) {
    if (back && back.photo === earlier.photo) back = null;
    comeBackTo(earlier);
    note("");
    return sendAgain(); // it may have been on its way
  }
  // The same photo: its own mask again, which undo can take back like any change.
  const { runs, strokes, strategy } = earlier.steps.now;
  if (earlier.result && sameRuns(earlier.result.runs, runs)) goBack(earlier.result);
  else {
    S.raster.replace(unpackRuns(runs, S.raster.data.length));
    Object.assign(S, { strokes, strategy });
    redraw("mask");
    maskHistory.commit();
  }
  S.unsaved = earlier.unsaved;
}

const isLive = () => S.live && !isMending();
