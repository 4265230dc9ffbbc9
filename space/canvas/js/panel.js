// The column beside the canvas: what is open, the live switch, the facts of the result and what to do with it.
let side = null;
const inPanel = (selector) => side.querySelector(selector);

function bindPanel(panelRoot) {
  side = panelRoot;
  const toggle = inPanel("#live-toggle input");
  toggle.checked = S.live;
  toggle.addEventListener("change", () => setLive(toggle.checked));
  const refine = inPanel("#refine-toggle input");
  refine.checked = S.refine;
  refine.addEventListener("change", () => setRefine(refine.checked));
  inPanel("#inpaint-button").addEventListener("click", startRun);
  inPanel(".lp-format").addEventListener("change", showExactness);
  side.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) panelDo(button.dataset.do, button);
  });
  ["photo", "ready", "opened", "result", "facts", "running", "mask", "queue"].forEach((name) => on(name, showPanel));
  placeStrip();
  narrow.addEventListener("change", placeStrip);
  showPanel();
}

function setLive(live) {
  S.live = live;
  try { localStorage.setItem("lama-live", live ? "yes" : "no"); } catch { /* private window */ }
  fillIfLive();
  showPanel();
}

// What is marked and not filled yet, now that Live is on or no longer waits.
function fillIfLive() {
  if (isLive() && S.raster && S.raster.count && (!S.result || unfilled())) startRun();
}

async function panelDo(what, button) {
  if (what === "open") return fileInput.click();
  if (what === "back") return goBackToPhoto();
  if (what === "next") return openNext();
  if (what === "cancel") return cancelRun();
  if (what === "fetch") return fetchModel();
  if (what === "fetch-stop") return stopFetching();
  if (what === "download") await closedWhile(button, downloadResult, isMade, stage);
  if (what === "adopt") await closedWhile(button, adopt, () => Boolean(S.result), stage);
}

// A result that the server has no more, after a restart or a long while, is made once more.
const again = { words: "Inpaint again", act: startRun };

// What Download and Ctrl+C give: the last result, or else the photo itself if it is one that was gone on from.
function madePicture(format) {
  if (S.result) return { result: S.result.id, format };
  return S.photo && S.photo.made && S.photo.id ? { photo: S.photo.id, name: S.photo.name, format } : null;
}
const isMade = () => Boolean(madePicture());

async function downloadResult() {
  const format = inPanel(".lp-format").value, picture = madePicture(format === "PNG" ? format : S.photo?.format);
  if (!picture) return;
  const answer = await withWait(ask("export", picture));
  if (!answer.ok) return note(answer.message, "problem", picture.result ? again : { words: "Try again", act: downloadResult });
  saveFile(answer.url, answer.name);
}

// Ctrl+C: the picture at its full size. The browser waits for it while it is made.
const canCopy = () => Boolean(isMade() && window.isSecureContext && window.ClipboardItem && navigator.clipboard && navigator.clipboard.write) && !String(getSelection());
async function copyResult() {
  const picture = madePicture("PNG");
  const made = (async () => {
    const answer = await ask("export", picture);
    if (!answer.ok) throw new Refused(answer);
    return (await fetch(answer.url)).blob();
  })();
  try {
    await withWait(Promise.all([made, navigator.clipboard.write([new ClipboardItem({ "image/png": made })])]));
    note("Copied.", "info");
  } catch (error) {
    if (error instanceof Refused) note(error.message, "problem", picture.result ? again : { words: "Try again", act: copyResult });
    else note("The browser did not let the picture be copied. Download it instead.");
  }
}

// The result becomes the photo: drawn together here, merged losslessly on the server, sent nowhere.
async function adopt() {
  const result = S.result, photo = S.photo;
  if (!result) return;
  const answer = await withWait(ask("adopt", { result: result.id, version: result.version }));
  if (!answer.ok) return note(answer.message, "problem", again);
  // Of a first look the server has made the full size first; what was made better may never have come here.
  const sharp = answer.preview && (await fetch(answer.preview).then((file) => file.blob()).then(createImageBitmap).catch(() => null));
  if (S.photo !== photo || S.result?.id !== result.id || gesture) return;
  goOnTo(sharp || drawnTogether(), { ...photo, id: answer.photo, format: answer.format, made: true });
}

function drawnTogether() {
  const canvas = new OffscreenCanvas(S.photo.width, S.photo.height);
  const context = canvas.getContext("2d");
  context.drawImage(S.bitmap, 0, 0);
  drawPatches(context, 1, 0, 0);
  return canvas.transferToImageBitmap();
}

// Undo leads back to the picture before; the comparison is with the first one.
function goOnTo(bitmap, facts) {
  const earlier = snapshot(), original = S.original ?? { bitmap: S.bitmap, proxy, file: S.file };
  // Like any new action it ends what redo would have brought.
  earlier.steps.future = [];
  earlier.after = null;
  leaveRecord();
  showPhoto(bitmap, facts, null, S.chosen);
  Object.assign(S, { before: earlier, original });
  trimBefore();
  putView(earlier.place);
  S.request += 1;
  publish();
  emit("opened", { blob: null });
  emit("result");
  emit("facts");
  note("The result is the photo now. Undo leads back.", "info");
}

const BLINK = 500;
function factsLine() {
  if (!S.photo) return "Open a photo to begin.";
  if (!S.raster.count) return "Paint over what should go.";
  const hole = percent(S.raster.count / S.raster.data.length) + " of the photo";
  const result = S.result;
  if (isMending()) return hole + " marked. Live waits while you mend; Inpaint shows the fill.";
  if (!result && !running) return hole + " marked" + (isMade() ? ". Download still holds the last result." : "");
  if (!result) return hole + ", on its way";
  if (unfilled() && !running) return hole + " marked. " + (isLive() ? "Not all of it is filled" : "Press Inpaint to fill all of it") + "; Download still holds the last result.";
  if (unfilled() && !isLive()) return hole + ", on its way";
  // A run that is over in a blink leaves the line as it is until it has facts of its own.
  if (running && !running.better && performance.now() - running.start > BLINK) return hole + ", on its way";
  const how = result.quality === "refined" ? ", refined" : result.rough ? ", first look" : "";
  return (result.seconds < 0.01 ? "at once" : result.seconds.toFixed(2) + " s") + ", " + percent(result.fraction) + " of the photo, " + result.model + " " + result.precision + how +
    ", " + (result.verified ? "untouched outside the mask: verified." : "CHANGED outside the mask: please report this.");
}

function showFacts() {
  const line = inPanel(".lp-facts"), words = factsLine();
  if (line.textContent !== words) line.textContent = words;
  showTimes(line);
}

// How long it took: for those who measure, and for those who ask by resting on the line.
function showTimes(line) {
  const { seconds, shown } = S.result || {};
  line.dataset.seconds = seconds ?? "";
  line.title = shown ? (shown / 1000).toFixed(2) + " s from lifting the pen to the new pixels" : "";
}

function showPanel() {
  const open = inPanel(".lp-photo");
  open.hidden = !S.photo;
  if (S.photo) {
    inPanel(".lp-name").textContent = S.photo.name;
    inPanel(".lp-name").title = S.photo.name;
    inPanel(".lp-dims").textContent = S.photo.width + " × " + S.photo.height + " px" + (S.photo.format ? ", " + S.photo.format : "");
  }
  inPanel(".lp-result").hidden = !S.photo;
  inPanel("#download-button").disabled = !isMade();
  inPanel("#go-on-button").disabled = !S.result;
  inPanel(".lp-back").hidden = !back;
  if (back) inPanel(".lp-back").textContent = "Back to " + back.photo.name;
  showQueue();
  showManual();
  showFormats();
  showExactness();
  showRunning();
  showSteps();
}

function showSteps() {
  const open = { undo: maskHistory.canUndo, redo: maskHistory.canRedo, clear: Boolean(S.raster && S.raster.count) };
  for (const [name, isOpen] of Object.entries(open)) {
    const button = find('[data-do="' + name + '"]');
    if (!isOpen) passFocus(button, stage);
    button.disabled = !isOpen;
  }
}

function showManual() {
  inPanel(".lp-manual").hidden = isLive();
  inPanel("#live-toggle em").textContent = isMending() ? "waits while a mask is mended" : "result at each stroke's end";
  const button = inPanel("#inpaint-button");
  button.disabled = Boolean(running);
  const seconds = S.raster && S.raster.count ? expectedSeconds(S.raster.count, false) : 0;
  button.textContent = "Inpaint" + (seconds ? ", about " + inSeconds(seconds) : "");
}

const inSeconds = (seconds) => (seconds < 1 ? seconds.toFixed(1) : Math.round(seconds)) + " s";

// What is verified is the result; a JPEG of it is another matter.
function showExactness() {
  const lossy = S.photo && S.photo.format === "JPEG" && inPanel(".lp-format").value === "original";
  inPanel("#lp-exact").textContent = lossy ? "JPEG changes pixels a little; PNG is exact." : "The file keeps every pixel exactly.";
}

function showFormats() {
  const select = inPanel(".lp-format");
  const own = S.photo && S.photo.format;
  const formats = own !== "PNG" && FACTS.formats.includes(own) ? [own, "PNG"] : ["PNG"];
  if (select.dataset.formats === formats.join()) return;
  select.dataset.formats = formats.join();
  select.replaceChildren(...formats.map((format) => new Option(format === "PNG" ? "PNG" : format, format === "PNG" ? "PNG" : "original")));
}

// A run that takes long shows what is known about its end, and can be given up.
const LONG = 900;
let runningTimer = 0;
function showRunning() {
  clearTimeout(runningTimer);
  showFacts();
  const area = inPanel(".lp-running");
  const since = running ? performance.now() - running.start : 0;
  // Full size after a first look comes by itself, and soon: no bar for that.
  area.hidden = !running || since < LONG || running.quality === "full";
  inPanel(".lp-facts").hidden = !area.hidden;
  if (!running) return;
  const refining = running.quality === "refined";
  const share = refining ? askShare(running) : 0;
  const expected = refining ? (share > 0.02 ? since / 1000 / share : 0) : expectedSeconds(running.pixels, running.live);
  area.querySelector("progress").setAttribute("aria-label", refining ? "Refining" : "Inpainting");
  showWait(area.querySelector("progress"), since / 1000, expected);
  runningTimer = setTimeout(showRunning, since <= BLINK ? BLINK + 1 - since : since < LONG ? LONG - since : 250);
}

// Past its estimate a run has no share that could be shown.
function showWait(bar, seconds, expected) {
  const known = expected > seconds;
  if (known) bar.value = Math.min(0.97, seconds / expected);
  else bar.removeAttribute("value");
  const soFar = Math.round(seconds) + " s so far";
  inPanel(".lp-estimate").textContent = known
    ? Math.ceil(expected - seconds) + " s left of about " + Math.ceil(expected) + " s"
    : expected ? "longer than usual, " + soFar : soFar;
}

// How far a refinement is: asked for once a second, answered from memory in between.
function askShare(run) {
  if (!run.asked || performance.now() - run.asked > 1000) {
    run.asked = performance.now();
    ask("progress", { page: tab }).then((answer) => { if (answer.ok && answer.share !== null) run.share = answer.share; });
  }
  return run.share || 0;
}
