// While a reviewer mends a record's mask, the mask is what must be seen: live waits. It is over with the bar over the
// canvas, which comes a moment after the photo: `seen` is whether it has. `photo` is the id of the record's photo,
// `earlier` what was here before it, and `left` how it was left for another photo that was opened meanwhile.
let fixing = null;

function isFixing() {
  if (!fixing) return false;
  const bar = document.getElementById("fix-bar");
  const open = Boolean(bar) && getComputedStyle(bar).display !== "none";
  if (fixing.seen && !open) fixing = null;
  else fixing.seen ||= open;
  return Boolean(fixing);
}
document.addEventListener("click", (event) => {
  if (fixing && event.target.closest("#fix-bar")) fixing.seen = true;
});

const isMending = () => isFixing() && S.photo?.id === fixing.photo;

function startFixing(photo, earlier) {
  fixing = { photo, earlier, seen: false, left: null };
  tellIfAway();
}

// The bar says so and closes Accept as long as another photo is open.
function tellIfAway() {
  if (isFixing() && !isMending()) stage.dataset.notTheRecord = S.photo?.name || "";
  else delete stage.dataset.notTheRecord;
  document.dispatchEvent(new Event("lama-fixing"));
}
on("photo", tellIfAway);
on("ready", tellIfAway);

// The way back to the record is there whatever else is opened meanwhile.
function leaveRecord() {
  if (isMending()) fixing.left = snapshot();
}
document.addEventListener("lama-to-record", () => {
  if (!isFixing() || gesture) return;
  if (fixing.left && fixing.left.photo.id === fixing.photo) return goBackTo(fixing.left);
  note("The record's photo is not here any more. Go back without changes, then press Fix again.");
});

// The reviewer is done. What was accepted stays; without changes, what was there before comes back. Another photo that
// was opened meanwhile stays as well.
document.addEventListener("lama-mended", ({ detail }) => {
  if (!fixing) return;
  const { photo, earlier } = fixing;
  fixing = null;
  tellIfAway();
  penCancel();
  if (S.photo?.id !== photo) {
    if (back && back.photo.id === photo) back = null;
    if (!back && earlier.photo !== S.photo) leave(earlier);
  } else if (detail === "unchanged") {
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
