// Before and after in the same place: a line over the stage, left of it the photo, right of it the result.
const compare = find(".lc-compare");
const line = find(".lc-line");
const grip = find(".lc-grip");

function setCompare(share) {
  S.compare = clamp(share, 0, 1);
  placeLine();
  redraw("base");
}

function placeLine() {
  const width = stage.clientWidth;
  // Parked at the left edge the grip stays reachable.
  line.style.left = clamp(S.compare * width, 26, Math.max(26, width - 26)) + "px";
  line.style.background = S.compare > 0 ? "" : "transparent";
  line.style.boxShadow = S.compare > 0 ? "" : "none";
  grip.setAttribute("aria-valuenow", String(Math.round(S.compare * 100)));
  grip.setAttribute("aria-valuetext", Math.round(S.compare * 100) + " % of the width shows the original");
  compare.classList.toggle("open", S.compare > 0);
}

function peek(yes) {
  if (S.peek === yes) return;
  S.peek = yes && Boolean(S.photo);
  over.style.visibility = S.peek ? "hidden" : "";
  redraw("base");
}

grip.addEventListener("pointerdown", (event) => {
  event.stopPropagation();
  grip.setPointerCapture(event.pointerId);
  showMask("gone");
});
grip.addEventListener("pointermove", (event) => {
  event.stopPropagation();
  ring.hidden = true;
  if (!grip.hasPointerCapture(event.pointerId)) return;
  const box = stage.getBoundingClientRect();
  const share = (event.clientX - box.left) / box.width;
  setCompare(share < 0.04 ? 0 : share);
});
grip.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: -0.05, ArrowRight: 0.05, Home: -1, End: 1, PageDown: -0.2, PageUp: 0.2 };
  if (!(event.key in steps)) return;
  event.preventDefault();
  event.stopPropagation();
  setCompare(S.compare + steps[event.key]);
});

on("result", () => {
  compare.hidden = !S.result;
  placeLine();
});
on("photo", () => {
  compare.hidden = !S.result;
  setCompare(0);
});

// The last results; each brings its mask back with it.
const strip = [];
function showStrip() {
  const list = find(".lc-strip");
  list.hidden = strip.length < 2;
  list.replaceChildren(...strip.map((result, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Go back to this result";
    button.setAttribute("aria-label", "Result " + (index + 1) + " of " + strip.length);
    button.setAttribute("aria-current", String(result === S.result));
    const image = document.createElement("img");
    image.alt = "";
    image.src = result.thumb;
    button.append(image);
    button.addEventListener("click", () => goBack(result));
    return button;
  }));
}

function thumbnail() {
  const canvas = document.createElement("canvas");
  canvas.width = 144;
  canvas.height = 108;
  const context = canvas.getContext("2d");
  const scale = Math.max(canvas.width / S.photo.width, canvas.height / S.photo.height);
  context.translate((canvas.width - S.photo.width * scale) / 2, (canvas.height - S.photo.height * scale) / 2);
  const source = proxyResult || S.bitmap;
  context.drawImage(source, 0, 0, S.photo.width * scale, S.photo.height * scale);
  if (!proxyResult) drawPatches(context, scale, 0, 0);
  return canvas.toDataURL("image/jpeg", 0.7);
}

function goBack(result) {
  S.raster.replace(unpackRuns(result.runs, S.raster.data.length));
  S.strokes = result.strokes;
  S.strategy = result.strategy;
  const live = S.live;
  S.live = false;
  S.result = null;
  history.commit();
  S.live = live;
  S.result = result;
  makeProxyResult();
  showMask("gone");
  redraw();
  emit("result");
  emit("facts");
}

on("result", () => {
  if (S.result && !strip.includes(S.result)) {
    const result = S.result;
    // After the result is on the screen: a thumbnail must not delay it.
    setTimeout(() => {
      if (!S.photo || strip.includes(result) || S.result !== result) return;
      result.thumb = thumbnail();
      strip.push(result);
      if (strip.length > 8) strip.shift();
      showStrip();
    }, 250);
  } else showStrip();
});
on("photo", () => {
  strip.length = 0;
  showStrip();
});
