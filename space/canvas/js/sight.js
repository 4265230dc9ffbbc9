// How the mask shows: drawing, waiting (it shimmers), hover, gone. On few cores the shimmer is eight
// pictures a second: sixty would take the very core that the result is computed on.
const manyCores = (navigator.hardwareConcurrency || 2) > 4;
over.dataset.shimmer = manyCores ? "smooth" : "steps";
let shimmerTimer = 0, settleTimer = 0, pinned = false;
function showMask(how) {
  // A finished mask is out of sight, unless somebody wants to see it all the time.
  if (how === "gone" && pinned) how = "hover";
  over.dataset.show = how;
  clearInterval(shimmerTimer);
  over.style.opacity = "";
  if (how !== "waiting" || manyCores) return;
  const start = performance.now();
  shimmerTimer = setInterval(() => {
    over.style.opacity = (0.7 + 0.25 * Math.cos(((performance.now() - start) * Math.PI) / 1100)).toFixed(2);
  }, 120);
}

function pinMask() {
  pinned = !pinned;
  find('[data-do="mask"]').setAttribute("aria-pressed", String(pinned));
  settleMask();
}

// Whether the mask is another one than what the result fills, as after a stroke with Live off.
const unfilled = () => Boolean(S.result) && !sameRuns(S.result.runs, maskHistory.runs);

// How the mask shows when nothing special is done with it: red while it is drawn and as long as there is no result
// of it, shimmering while one is waited for, and out of the result's way. What only makes the result better is not
// waited for, nor what is marked beyond a run that was asked for.
function settleMask() {
  const isDrawn = gesture && gesture.tool !== "select";
  const isAwaited = waiting || (running && !running.better && !running.gone && sameRuns(running.drawn.runs, maskHistory.runs));
  const isFilled = S.result && !unfilled();
  showMask(isDrawn ? "drawing" : isAwaited ? "waiting" : isFilled ? "gone" : "drawing");
}

// Hovering the hole shows its red again; drawing shows all of it.
on("hover", (at) => {
  if (!S.result || running || gesture || !S.raster.count || unfilled()) return;
  const x = at ? Math.floor(at.x) : -1, y = at ? Math.floor(at.y) : -1;
  const hit = x >= 0 && y >= 0 && x < S.photo.width && y < S.photo.height && S.raster.data[y * S.photo.width + x];
  if (hit && S.settled) showMask("hover");
  else settleMask();
  if (!hit) S.settled = true;
});
// At first the result is to be seen, though the pointer still rests on it.
on("result", () => {
  S.settled = false;
  clearTimeout(settleTimer);
  settleTimer = setTimeout(() => { S.settled = true; }, 600);
});
