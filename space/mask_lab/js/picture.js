// The picture under the masks: an own photo, a sample, or the drawn landscape at any size.
const fileInput = find(".ml-open input");
let opening = 0;

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
  const turn = ++opening;
  const answer = await ask("show", { photo: "", width, height });
  if (turn !== opening) return;
  if (!answer.ok) return note(answer.message);
  note("");
  takePicture(answer);
}

async function openFile(file, key = "") {
  if (!file) return;
  const words = tooLarge(file, FACTS.max_file_mb);
  if (words) return note(words);
  const turn = ++opening;
  note("");
  busy(true);
  try {
    const sent = await upload(file);
    const answer = await ask("open_photo", { path: sent.path, name: file.name });
    if (turn !== opening) return;
    if (!answer.ok) return note(answer.message);
    takePicture(answer, key);
  } catch {
    if (turn === opening) note("The photo could not be sent: the server cannot be reached. Try again in a moment.");
  } finally {
    busy(false);
  }
}

async function openSample(sample) {
  try {
    const blob = await (await fetch(sample.url)).blob();
    await openFile(new File([blob], sample.file, { type: blob.type }), sample.file);
  } catch {
    note("The sample could not be loaded. Try again in a moment.");
  }
}

// The canvas keeps what is open in the browser's own database; only the photo's id is read here.
function photoOfInpaint() {
  return new Promise((resolve) => {
    try {
      const request = indexedDB.open("lama-canvas");
      request.onupgradeneeded = () => request.transaction.abort();
      request.onerror = () => resolve("");
      request.onsuccess = () => {
        const database = request.result;
        const asked = database.transaction("now").objectStore("now").get("photo");
        asked.onsuccess = () => { database.close(); resolve((asked.result && asked.result.id) || ""); };
        asked.onerror = () => { database.close(); resolve(""); };
      };
    } catch { resolve(""); }
  });
}

// The picture that the tab begins with: it is there before another one takes its place.
let first = null;
async function openInpaints() {
  const photo = await photoOfInpaint();
  await first;
  if (!photo) return note("No photo is open in Inpaint yet. Open one there, or choose one here.", "info");
  const turn = ++opening;
  const answer = await ask("show", { photo });
  if (turn !== opening) return;
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
  const answer = W.photo ? await ask("show", { photo: W.photo }) : { ok: false };
  if (answer.ok) takePicture(answer);
  else await openLandscape(W.photo ? 256 : W.width, W.photo ? 256 : W.height);
}
