// What is open survives a reload: photo file, mask and strokes in the browser's own database. Each browser tab
// has an entry of its own, so that none overwrites another's; a new tab begins with the newest one.
const MOST_KEPT = 4;
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
  // One transaction: the list of tabs, newest first, and what is put or forgotten with it.
  function record(store, tab, entries, instead) {
    const request = store.get("tabs");
    request.addEventListener("success", () => {
      if (instead) forget(store, instead);
      const tabs = [tab, ...(request.result || []).filter((other) => other !== tab && other !== instead)];
      for (const old of tabs.splice(MOST_KEPT)) forget(store, old);
      store.put(tabs, "tabs");
      for (const [name, value] of Object.entries(entries)) store.put(value, name + " " + tab);
    });
    return request;
  }
  function forget(store, tab) {
    for (const name of ["photo", "original", "mask"]) store.delete(name + " " + tab);
  }
  return {
    // `instead`: the tab whose entry this one takes over.
    put: (tab, entries, instead) => act("readwrite", (store) => record(store, tab, entries, instead)),
    get: (tab, name) => act("readonly", (store) => store.get(name + " " + tab)),
    has: async (tab) => Boolean(await act("readonly", (store) => store.getKey("photo " + tab))),
    tabs: async () => (await act("readonly", (store) => store.get("tabs"))) || [],
    forget: (tab) => act("readwrite", (store) => {
      forget(store, tab);
      return store.getKey("tabs");
    }),
  };
})();

// This browser tab's name: it survives a reload. A tab that was duplicated has the other's name in its storage;
// the lock tells, and it goes on under a name of its own.
let tab = page, earlierTab = null;
const tabNamed = (async () => {
  try {
    earlierTab = sessionStorage.getItem("lama-canvas-tab");
    if (earlierTab && (await isFree(earlierTab))) tab = earlierTab;
    else await isFree(tab);
    sessionStorage.setItem("lama-canvas-tab", tab);
  } catch { /* private window */ }
})();

// Holds the lock of a name as long as the page lives. Pages that are not secure have no locks: nobody knows
// there whether a tab was reloaded or duplicated, and every page takes a new name.
function isFree(name) {
  if (!navigator.locks) return false;
  return new Promise((resolve) => {
    navigator.locks.request("lama-canvas " + name, { ifAvailable: true }, (lock) => {
      resolve(Boolean(lock));
      return lock ? new Promise(() => {}) : undefined;
    }).catch(() => resolve(true));
  });
}

async function asBlob(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

on("opened", async ({ blob }) => {
  const photo = S.photo;
  const file = blob || (await asBlob(S.bitmap));
  if (S.photo !== photo) return;
  S.file = file;
  keepPhoto();
});

// The first picture, where a result was gone on from, is kept with it: Before shows it.
async function keepPhoto(instead = null) {
  const entries = { photo: { ...S.photo, blob: S.file }, mask: maskEntry() };
  const original = S.original;
  await tabNamed;
  entries.original = original && (original.file ??= await asBlob(original.bitmap));
  return keep.put(tab, entries, instead);
}
const maskEntry = () => ({ photo: S.photo.id, runs: maskHistory.runs, strokes: S.strokes, strategy: S.strategy });

let keepTimer = 0;
function keepMask() {
  clearTimeout(keepTimer);
  keepTimer = setTimeout(async () => {
    await tabNamed;
    // With many tabs at work this one's photo may be among those that were let go.
    const whole = S.photo && S.file && !(await keep.has(tab));
    if (!S.photo || !(S.photo.id || S.file)) return;
    if (whole) return keepPhoto();
    keep.put(tab, { mask: maskEntry() });
  }, 120);
}
on("mask", keepMask);

// What to begin with: this tab's own, then the others, the newest first.
async function* allKept() {
  await tabNamed;
  for (const name of new Set([earlierTab, ...(await keep.tabs())])) {
    const photo = name && (await keep.get(name, "photo"));
    if (photo) yield { name, photo, original: await keep.get(name, "original"), mask: await keep.get(name, "mask") };
  }
}

// Brings the last visit back. A photo that the browser cannot show just now stays kept: it may be short of memory.
async function recall() {
  let failed = false;
  for await (const kept of allKept()) {
    if (S.photo || opening) return;
    const [bitmap, first] = await Promise.all([asBitmap(kept.photo.blob), kept.original && asBitmap(kept.original)]);
    if (S.photo || opening) return;
    if (bitmap) {
      await bringBack(kept, bitmap, first);
      break;
    }
    failed = true;
    if (kept.name === tab) await standAside();
  }
  if (failed) note("The photo of last time could not be shown. Reload to try again.");
}

const asBitmap = (blob) => createImageBitmap(blob, { imageOrientation: "from-image" }).catch(() => null);

// What is opened now is kept under another name. A reload finds the old one first, unless something else was begun.
async function standAside() {
  tab = page;
  await isFree(tab);
  const takeOver = ({ why }) => {
    if (why === "recalled") return;
    try { sessionStorage.setItem("lama-canvas-tab", tab); } catch { /* private window */ }
  };
  on("mask", takeOver);
  on("opened", takeOver);
}

// Shows what was kept; a photo that the server has thrown away is sent once more.
async function bringBack(kept, bitmap, first) {
  const { blob, ...facts } = kept.photo;
  if (bitmap.width !== facts.width || bitmap.height !== facts.height) return;
  const turn = ++opening;
  try {
    showPhoto(bitmap, facts, blob);
    if (first && first.width === facts.width && first.height === facts.height) {
      S.original = { bitmap: first, proxy: smaller(first), file: kept.original };
      emit("result");
    }
    recallMask(kept.mask);
    if (!facts.id) {
      const sent = sendPhoto(blob, bitmap, turn); // it never arrived
      emit("mask", { why: "recalled" });
      return void (await sent);
    }
    const answer = await askForPhoto(facts, blob);
    if (turn !== opening) return;
    if (!answer.ok) note(answer.message);
    facts.made ||= answer.made;
    const before = !navigator.locks && kept.name === earlierTab ? earlierTab : null;
    if (kept.name !== tab || facts.id !== kept.photo.id) keepPhoto(before);
    emit("ready");
    emit("mask", { why: "recalled" });
  } catch (error) {
    // The photo is fine, the way to the server was not: it stays, for the next reload.
    console.error(error);
    if (turn === opening) note("The photo could not be sent: the server cannot be reached. The next stroke sends it once more.");
  }
}

function recallMask(mask) {
  if (mask && mask.photo === S.photo.id) {
    S.raster.replace(unpackRuns(mask.runs, S.raster.data.length));
    S.strokes = mask.strokes;
    S.strategy = mask.strategy;
  }
  maskHistory.start();
  redraw();
}

async function askForPhoto(facts, blob) {
  const answer = await askOnce("has_photo", { photo: facts.id });
  return answer.ok || answer.offline ? answer : sendOnceMore(facts, blob);
}
async function sendOnceMore(facts, blob) {
  const sent = await upload(new File([blob], facts.name, { type: blob.type }));
  const again = await askOnce("open_photo", { path: sent.path, name: facts.name });
  // Not into what is open: that may be another photo by now.
  if (again.ok) Object.assign(facts, { id: again.photo, format: again.format });
  return again;
}

window.addEventListener("beforeunload", (event) => {
  if (S.raster && S.raster.count && S.unsaved && root.isConnected) event.preventDefault();
});
on("mask", ({ why }) => { S.unsaved = why !== "recalled"; });
// The save sheet says when something was saved to the dataset.
document.addEventListener("lama-saved", () => { S.unsaved = false; });
