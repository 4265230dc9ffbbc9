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
const isLive = () => S.live && !isMending();
