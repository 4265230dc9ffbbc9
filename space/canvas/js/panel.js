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
  inPanel("#inpaint-button").addEventListener("click", requestRun);
  side.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) panelDo(button.dataset.do, button);
  });
  ["photo", "ready", "result", "facts", "running", "mask"].forEach((name) => on(name, showPanel));
  showPanel();
}

function setLive(live) {
  S.live = live;
  try { localStorage.setItem("lama-live", live ? "yes" : "no"); } catch { /* private window */ }
  if (live && S.raster && S.raster.count && !S.result) requestRun();
  showPanel();
}

async function panelDo(what, button) {
  if (what === "open") return fileInput.click();
  if (what === "cancel") return cancelRun();
  if (what === "fetch") return fetchModel();
  if (what === "fetch-stop") return stopFetching();
  if (!S.result) return;
  button.disabled = true;
  try {
    if (what === "download") await downloadResult();
    if (what === "adopt") await adopt();
  } finally {
    button.disabled = !S.result;
  }
}

async function downloadResult() {
  if (!S.result) return;
  const answer = await ask("export", { result: S.result.id, format: inPanel(".lp-format").value });
  if (!answer.ok) return note(answer.message);
  saveFile(answer.url, answer.name);
}

// The result becomes the photo: drawn together here, merged losslessly on the server, sent nowhere.
async function adopt() {
  const result = S.result;
  if (!result) return;
  const answer = await ask("adopt", { result: result.id });
  if (!answer.ok) return note(answer.message);
  const canvas = new OffscreenCanvas(S.photo.width, S.photo.height);
  const context = canvas.getContext("2d");
  context.drawImage(S.bitmap, 0, 0);
  drawPatches(context, 1, 0, 0);
  const place = { scale: view.scale, x: view.x, y: view.y };
  showPhoto(canvas.transferToImageBitmap(), { ...S.photo, id: answer.photo, format: answer.format });
  Object.assign(view, place);
  emit("view");
  S.request += 1;
  publish();
  emit("opened", { blob: null });
  emit("result");
  emit("facts");
}

function factsLine() {
  if (!S.photo) return "Open a photo to begin.";
  if (!S.raster.count) return "Paint over what should go.";
  const hole = percent(S.raster.count / S.raster.data.length) + " of the photo";
  const result = S.result;
  if (!result) return running ? hole + ", on its way" : hole + " marked";
  const how = result.quality === "refined" ? ", refined" : result.rough ? ", first look" : "";
  const shown = result.shown ? " Pen-up to pixels " + (result.shown / 1000).toFixed(2) + " s." : "";
  return result.seconds.toFixed(2) + " s, " + percent(result.fraction) + " of the photo, " + result.model + " " + result.precision + how +
    ", " + (result.verified ? "untouched outside the mask: verified." : "CHANGED outside the mask: please report this.") + shown;
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
  inPanel(".lp-facts").textContent = factsLine();
  inPanel("#download-button").disabled = inPanel("#go-on-button").disabled = !S.result;
  inPanel(".lp-manual").hidden = S.live;
  inPanel("#inpaint-button").disabled = Boolean(running);
  showFormats();
  showRunning();
  for (const name of ["undo", "redo"]) find('[data-do="' + name + '"]').disabled = name === "undo" ? !history.canUndo : !history.canRedo;
  find('[data-do="clear"]').disabled = !S.raster || !S.raster.count;
}

function showFormats() {
  const select = inPanel(".lp-format");
  const formats = S.photo && S.photo.format && S.photo.format !== "PNG" && S.photo.format !== "GIF" ? [S.photo.format, "PNG"] : ["PNG"];
  if (select.dataset.formats === formats.join()) return;
  select.dataset.formats = formats.join();
  select.replaceChildren(...formats.map((format) => new Option(format === "PNG" ? "PNG" : format, format === "PNG" ? "PNG" : "original")));
}

// A run that takes longer than a blink shows what is known about its end, and can be given up.
let runningTimer = 0;
function showRunning() {
  clearTimeout(runningTimer);
  const area = inPanel(".lp-running");
  const since = running ? performance.now() - running.start : 0;
  // Full size after a first look comes by itself, and soon: no bar for that.
  area.hidden = !running || since < 900 || running.quality === "full";
  inPanel(".lp-facts").hidden = !area.hidden;
  if (!running) return;
  const refining = running.quality === "refined";
  const share = refining ? askShare(running) : 0;
  const expected = refining ? (share > 0.02 ? since / 1000 / share : 0) : expectedSeconds();
  const bar = area.querySelector("progress");
  bar.setAttribute("aria-label", refining ? "Refining" : "Inpainting");
  if (expected) bar.value = Math.min(0.97, since / 1000 / expected);
  else bar.removeAttribute("value");
  inPanel(".lp-estimate").textContent = expected
    ? Math.max(0, expected - since / 1000).toFixed(0) + " s left of about " + expected.toFixed(0) + " s"
    : (since / 1000).toFixed(0) + " s so far";
  runningTimer = setTimeout(showRunning, since < 900 ? 900 - since : 250);
}

// How far a refinement is: asked for once a second, answered from memory in between.
function askShare(run) {
  if (!run.asked || performance.now() - run.asked > 1000) {
    run.asked = performance.now();
    ask("progress", { page }).then((answer) => { if (answer.ok && answer.share !== null) run.share = answer.share; });
  }
  return run.share || 0;
}
