// Opening a photo: shown at once from the local file, uploaded once, judged by the server.
const drop = find("#photo");
const fileInput = drop.querySelector("input");
let opening = 0;
// The rest of the page may want to know: what was said of the last photo is not said of this one.
on("photo", () => document.dispatchEvent(new Event("lama-photo")));
// And what it is called on the server, once it is there.
const tellPhotoId = () => { Object.assign(stage.dataset, { photoId: S.photo?.id || "", photoName: S.photo?.name || "" }); };
on("photo", tellPhotoId);
on("ready", tellPhotoId);

// `chosen` is the file that it came from; `file` is what the browser shows and can send again.
function showPhoto(bitmap, facts, file = null, chosen = file) {
  penCancel();
  Object.assign(S, { photo: facts, bitmap, file, chosen, strokes: [], strategy: "drawn", result: null, strip: [], compare: 0,
    unsaved: false, original: null, before: null, after: null });
  S.raster = createRaster(facts.width, facts.height);
  root.dataset.photo = "yes";
  root.style.setProperty("--aspect", (facts.height / facts.width).toFixed(4));
  measureStage();
  makeProxies();
  maskHistory.start();
  fitView();
  emit("photo");
}

// What to do after a photo of several that could not be opened.
const goOn = () => (hasNext() ? { words: "Next photo", act: openNext } : null);

// What the app said no to. With `passing` the photo is fine and was only not taken just now.
class Refused extends Error {
  constructor({ message, offline, busy }) {
    super(message);
    this.passing = Boolean(offline || busy);
  }
}

// `sending` is the turn of the photo on its way, be it still read from the disk.
let sending = null, endOpening = () => {};
// The bar is that of the newest photo on its way.
function showOpening() {
  endOpening();
  endOpening = beginWait(0);
}

async function openFile(file) {
  if (!file) return;
  const words = tooLarge(file, FACTS.max_file_mb);
  if (words) return note(namedInRow(file, words), "problem", goOn());
  const turn = (sending = ++opening);
  note("");
  showOpening();
  let local = null;
  try {
    local = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch { /* TIFF and others: the server sends a picture of it */ }
  await penIsUp(S.photo); // what is being drawn belongs to the photo before
  if (turn !== opening) return;
  if (local) {
    replacePhoto(local, { id: null, name: file.name, width: local.width, height: local.height, format: "" }, file);
    keepPhoto();
  }
  await sendPhoto(file, local, turn);
}

// The photo's way to the server; `local` is the browser's picture of it, which is shown meanwhile. `said` stays in sight
// when it arrives.
async function sendPhoto(file, local, turn, said = "") {
  showOpening();
  sending = turn;
  try {
    const sent = await upload(file);
    const answer = await ask("open_photo", { path: sent.path, name: file.name });
    if (turn !== opening) return;
    if (!answer.ok) throw new Refused(answer);
    await settlePhoto(local, answer, turn, file);
    if (turn !== opening) return;
    arrive([said, ...(answer.notes || [])].filter(Boolean).join(" "));
  } catch (error) {
    if (turn === opening) notTaken(error, file, local);
  } finally {
    if (sending === turn) sending = null;
    if (turn === opening) endOpening();
  }
}

// A photo that is shown and was only not taken just now stays, with all that is drawn on it.
function notTaken(error, file, local) {
  const large = !(error instanceof Refused) && /413|too large|size exceed/i.test(String(error && error.message));
  const passing = error instanceof Refused ? error.passing : !large;
  const words = large ? "This file is larger than " + FACTS.max_file_mb + " MB. Save it smaller and try again."
    : error instanceof Refused ? error.message : "The photo could not be sent: the server cannot be reached.";
  if (passing && local && S.file === file) return note(words, "problem", { words: "Send again", act: sendAgain });
  const named = namedInRow(file, words);
  comeBack(file, named);
  note(named, "problem", passing ? { words: "Try again", act: () => openFile(file) } : goOn());
}

// What is shown and has not arrived goes on its way once more, if it is not on it.
function sendAgain() {
  if (!S.photo || S.photo.id || !S.file || sending === opening) return;
  note("");
  sendPhoto(S.file, S.bitmap, ++opening);
}

// The server's word on size, name and pixels goes before the browser's.
async function settlePhoto(local, answer, turn, file) {
  const facts = { id: answer.photo, name: answer.name, width: answer.width, height: answer.height, format: answer.format };
  const same = local && local.width === answer.width && local.height === answer.height;
  if (same && !answer.preview) {
    Object.assign(S.photo, facts);
    S.file = file;
    return;
  }
  const asked = answer.preview ? { ok: true, url: answer.preview } : await ask("preview", { photo: answer.photo });
  if (!asked.ok) throw new Refused(asked);
  const bitmap = await createImageBitmap(await (await fetch(asked.url)).blob());
  if (!same) await penIsUp(S.photo);
  if (turn !== opening) return;
  if (same) {
    S.bitmap = bitmap;
    S.file = null;
    Object.assign(S.photo, facts);
    makeProxies();
    redraw();
  } else if (local) showPhoto(bitmap, facts, null, file);
  else replacePhoto(bitmap, facts, null, file);
}

const samplesAsked = newest();
async function openSample(sample) {
  const isNewest = samplesAsked(), before = opening;
  // Whatever was opened while the sample was on its way is what is wanted.
  const isWanted = () => isNewest() && opening === before;
  try {
    const blob = await withWait(fetch(sample.url).then((reply) => reply.blob()));
    if (!isWanted()) return;
    await openFile(new File([blob], sample.file, { type: blob.type }));
  } catch {
    if (isWanted()) note("The sample could not be loaded. Try again in a moment.");
  }
}

fileInput.addEventListener("change", () => {
  openFiles(fileInput.files);
  fileInput.value = "";
});
const hasFile = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
// Beside the stage as well: a photo that just misses it would take the page's place in the browser.
const isShown = () => Boolean(root.isConnected && root.offsetParent);
document.addEventListener("dragover", (event) => {
  if (!isShown() || !hasFile(event) || event.defaultPrevented) return;
  event.preventDefault();
  find(".lc-over").hidden = false;
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) find(".lc-over").hidden = true;
});
document.addEventListener("drop", (event) => {
  find(".lc-over").hidden = true;
  if (!isShown() || !hasFile(event) || event.defaultPrevented) return;
  event.preventDefault();
  openFiles(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (!isShown()) return;
  const files = [...(event.clipboardData ? event.clipboardData.files : [])].filter((item) => item.type.startsWith("image/"));
  if (files.length) openFiles(files);
});

// What opened the photo goes away: whoever works by keyboard goes on at the photo.
function moveFocus(from) {
  if (S.photo && from.contains(document.activeElement)) stage.focus({ preventScroll: true });
}
// One of the two is there to be reached: the photo, or the way to choose one.
function showStops() {
  stage.tabIndex = S.photo ? 0 : -1;
  fileInput.tabIndex = S.photo ? -1 : 0;
  moveFocus(drop);
}
on("photo", showStops);
showStops();

function showSamples() {
  const shelf = find(".lc-samples");
  shelf.replaceChildren(...FACTS.samples.map((sample) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = sample.title + ". " + sample.licence + ", " + sample.author;
    button.innerHTML = '<img alt="" src="' + sample.url + '"><span>' + sample.title + "<br><small>" + sample.licence + "</small></span>";
    button.setAttribute("aria-label", "Open the sample: " + sample.title + ", " + sample.licence);
    button.addEventListener("click", () => openSample(sample));
    return button;
  }));
  const update = () => {
    moveFocus(shelf);
    shelf.hidden = Boolean(S.photo) || !FACTS.samples.length;
  };
  on("photo", update);
  update();
}
