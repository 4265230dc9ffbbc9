// The picture under the masks: an own photo, a sample, or the drawn landscape at any size.
const fileInput = find(".ml-open input");
const opening = newest();

function showSamples() {
  const box = find(".ml-samples");
  const drawn = make("button", "ml-sample");
  drawn.type = "button";
  drawn.dataset.key = "drawn";
  drawn.title = "A drawn landscape of any size";
  drawn.append(make("span", "", "Drawn"));
  drawn.addEventListener("click", () => openLandscape());
  const same = make("button", "ml-sample");
  same.type = "button";
  same.dataset.key = "inpaint";
  same.title = "The photo that is open in Inpaint";
  same.append(make("span", "", "From Inpaint"));
  same.addEventListener("click", () => openInpaints());
  box.replaceChildren(same, drawn, ...FACTS.samples.map((sample) => {
    const button = make("button", "ml-sample");
    button.type = "button";
    button.dataset.key = sample.file;
    button.title = [sample.title, sample.licence].filter(Boolean).join(", ");
    button.setAttribute("aria-label", "Sample: " + (sample.title || sample.file));
    const picture = make("img");
    picture.src = sample.url;
    picture.alt = "";
    picture.loading = "lazy";
    button.append(picture);
    button.addEventListener("click", () => openSample(sample));
    return button;
  }));
}

function takePicture(answer, key = "") {
  if (dialog.open) dialog.close();
  // The masks on the page are those of another picture: none of them can be opened any more.
  shown = null;
  find("#mask-gallery").dataset.stale = "yes";
  Object.assign(W, { photo: answer.photo, name: answer.name, width: answer.width, height: answer.height, preview: answer.preview });
  find(".ml-name").textContent = answer.photo ? answer.name + ", " + answer.width + " × " + answer.height : "";
  find(".ml-landscape").hidden = Boolean(answer.photo);
  find(".ml-width").value = W.width;
  find(".ml-height").value = W.height;
  for (const button of root.querySelectorAll(".ml-sample")) {
    button.setAttribute("aria-pressed", String(button.dataset.key === (answer.photo ? key : "drawn")));
  }
  showDials();
  redraw();
}

async function openLandscape(width = 256, height = 256) {
  const isNewest = opening();
  const answer = await withWait(ask("show", { photo: "", width, height }));
  if (!isNewest()) return;
  if (!answer.ok) return note(answer.message);
  note("");
  takePicture(answer);
}

async function openFile(file, key = "") {
  if (!file) return;
  const words = tooLarge(file, FACTS.max_file_mb);
  if (words) return note(words);
  const isNewest = opening(), endWait = beginWait(0);
  note("");
  try {
    const sent = await upload(file);
    const answer = await ask("open_photo", { path: sent.path, name: file.name });
    if (!isNewest()) return;
    if (!answer.ok) return note(answer.message);
    takePicture(answer, key);
  } catch {
    if (isNewest()) note("The photo could not be sent: the server cannot be reached. Try again in a moment.");
  } finally {
    endWait();
  }
}

async function openSample(sample) {
  const isNewest = opening();
  try {
    const blob = await withWait(fetch(sample.url).then((reply) => reply.blob()));
    if (isNewest()) await openFile(new File([blob], sample.file, { type: blob.type }), sample.file);
  } catch {
    if (isNewest()) note("The sample could not be loaded. Try again in a moment.");
  }
}

// The canvas is on the same page and says what is open in it.
function photoOfInpaint() {
  const { photoId: photo = "", photoName: name = "" } = document.getElementById("mask-canvas")?.dataset || {};
  return { photo, name };
}

// The picture that the tab begins with: it is there before another one takes its place.
let first = null;
async function openInpaints() {
  const inpaints = photoOfInpaint();
  await first;
  if (!inpaints.photo) return note("No photo is open in Inpaint yet. Open one there, or choose one here.", "info");
  const isNewest = opening();
  const answer = await withWait(ask("show", inpaints));
  if (!isNewest()) return;
  if (!answer.ok) return note(answer.message);
  note("");
  takePicture(answer, "inpaint");
}

fileInput.addEventListener("change", () => {
  openFile(fileInput.files[0]);
  fileInput.value = "";
});
root.addEventListener("dragover", (event) => {
  if (event.dataTransfer && [...event.dataTransfer.types].includes("Files")) event.preventDefault();
});
root.addEventListener("drop", (event) => {
  if (!event.dataTransfer || !event.dataTransfer.files.length) return;
  event.preventDefault();
  openFile(event.dataTransfer.files[0]);
});
for (const box of [find(".ml-width"), find(".ml-height")]) {
  box.addEventListener("change", () => openLandscape(Number(find(".ml-width").value), Number(find(".ml-height").value)));
}

// After a reload: the photo if the server still has it, else the landscape.
async function openFirst() {
  const isNewest = opening();
  const answer = W.photo ? await ask("show", { photo: W.photo, name: W.name }) : { ok: false };
  if (!isNewest()) return;
  if (answer.ok) takePicture(answer);
  else await openLandscape(W.photo ? 256 : W.width, W.photo ? 256 : W.height);
}
