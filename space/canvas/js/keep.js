// What is open survives a reload: photo file, mask and strokes in the browser's own database.
const keep = (() => {
  const opened = new Promise((resolve) => {
    try {
      const request = indexedDB.open("lama-canvas", 1);
      request.onupgradeneeded = () => request.result.createObjectStore("now");
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
    } catch { resolve(null); }
  });
  async function act(mode, work) {
    const database = await opened;
    if (!database) return null;
    return new Promise((resolve) => {
      try {
        const request = work(database.transaction("now", mode).objectStore("now"));
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => resolve(null);
      } catch { resolve(null); }
    });
  }
  return {
    put: (key, value) => act("readwrite", (store) => store.put(value, key)),
    get: (key) => act("readonly", (store) => store.get(key)),
    clear: () => act("readwrite", (store) => store.clear()),
  };
})();

async function asBlob(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

on("opened", async ({ blob }) => {
  const photo = { ...S.photo };
  const kept = blob || (await asBlob(S.bitmap));
  await keep.put("photo", { ...photo, blob: kept });
  keepMask();
});

let keepTimer = 0;
function keepMask() {
  clearTimeout(keepTimer);
  keepTimer = setTimeout(() => {
    if (!S.photo || !S.photo.id) return;
    keep.put("mask", { photo: S.photo.id, runs: history.runs, strokes: S.strokes, strategy: S.strategy });
  }, 120);
}
on("mask", keepMask);

// Brings the last visit back; a photo that the server has thrown away is sent once more.
async function recall() {
  const kept = await keep.get("photo");
  if (!kept || S.photo || opening) return;
  const turn = ++opening;
  try {
    const mask = await keep.get("mask");
    const bitmap = await createImageBitmap(kept.blob, { imageOrientation: "from-image" });
    if (turn !== opening || bitmap.width !== kept.width || bitmap.height !== kept.height) return;
    const { blob, ...facts } = kept;
    showPhoto(bitmap, facts);
    if (mask && mask.photo === kept.id) {
      S.raster.replace(unpackRuns(mask.runs, S.raster.data.length));
      S.strokes = mask.strokes;
      S.strategy = mask.strategy;
    }
    history.start();
    redraw();
    let answer = await ask("has_photo", { photo: kept.id });
    if (!answer.ok && !answer.offline) {
      const sent = await upload(new File([blob], kept.name, { type: blob.type }));
      answer = await ask("open_photo", { path: sent.path, name: kept.name });
      if (answer.ok) Object.assign(S.photo, { id: answer.photo, format: answer.format });
    }
    if (turn !== opening) return;
    if (!answer.ok) note(answer.message);
    emit("ready");
    emit("mask", { why: "recalled" });
  } catch {
    await keep.clear();
  }
}

window.addEventListener("beforeunload", (event) => {
  if (S.raster && S.raster.count && S.touched && root.isConnected) event.preventDefault();
});
on("mask", ({ why }) => { S.touched = why !== "recalled"; });
on("photo", () => { S.touched = false; });
// Saved to the dataset: the sheet's line of status says so.
const savedLine = new MutationObserver(() => {
  if (document.querySelector("#record-status [data-kind=done]")) S.touched = false;
});
on("ready", () => {
  const status = document.getElementById("record-status");
  if (status) savedLine.observe(status, { subtree: true, childList: true, attributes: true });
});
