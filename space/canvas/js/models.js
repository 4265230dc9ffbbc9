// The model select: what each model weighs, how quick it is here, and fetching one that is not on the disk.
let models = [], wanted = "", fetching = false, fetchTimer = 0;
const keptModel = () => { try { return localStorage.getItem("lama-model"); } catch { return null; } };
const modelNamed = (name) => models.find((model) => model.name === name);

// How long a run takes: measured on whole masks, and in proportion to the hole's pixels. A hole smaller
// than the one each model is timed on takes no less, since its surroundings are looked at as well; one
// much larger takes no more, since it is filled at 2,048 pixels at most, four times the timed side.
const TIMED_PIXELS = 150 * 150;
const lastRuns = {};
const speedKey = (live) => S.model + (live ? " live" : "");
const work = (pixels) => clamp(pixels, TIMED_PIXELS, 16 * TIMED_PIXELS);

function learnSpeed(answer, mine) {
  if (!answer.keeps) lastRuns[speedKey(mine.live)] = { seconds: answer.seconds, pixels: mine.pixels };
}

function expectedSeconds(pixels, live) {
  const model = modelNamed(S.model), last = lastRuns[speedKey(live)];
  if (last) return (last.seconds * work(pixels)) / work(last.pixels);
  if (!model || !model.seconds) return 0;
  // A first look is small whatever the hole's size.
  return live ? model.seconds : (model.seconds * work(pixels)) / TIMED_PIXELS;
}

// The chosen model's speed is measured when the app starts: until it is known it is asked for now and then.
const MEASURING = { every: 2000, times: 20 };

async function loadModels(more = MEASURING.times) {
  const answer = await ask("models", {});
  if (!answer.ok) return;
  models = answer.models;
  if (!modelNamed(S.model)) S.model = modelNamed(keptModel())?.on_disk ? keptModel() : answer.chosen;
  showModels();
  emit("facts");
  const chosen = modelNamed(S.model);
  if (more && chosen && chosen.on_disk && !chosen.seconds) setTimeout(() => loadModels(more - 1), MEASURING.every);
}

function describe(model) {
  const size = Math.max(1, Math.round(model.megabytes)) + " MB";
  const parts = [model.title, model.on_disk && model.megabytes ? size : ""];
  if (model.seconds) parts.push(model.seconds < 10 ? model.seconds.toFixed(2) + " s" : model.seconds.toFixed(0) + " s");
  parts.push(model.on_disk ? "on disk" : "download " + size);
  return parts.filter(Boolean).join(" · ");
}

function showModels() {
  const select = inPanel("#model-choice");
  const options = models.map((model) => new Option(describe(model), model.name));
  // An open list closes when its options are exchanged.
  const same = options.length === select.length && options.every((option, i) => option.text === select[i].text && option.value === select[i].value);
  if (!same) select.replaceChildren(...options);
  select.value = wanted || S.model;
  const model = modelNamed(select.value);
  inPanel(".lp-model-note").textContent = model ? model.note + " Licence: " + model.licence + "." : "";
  const used = modelNamed(S.model);
  const head = document.getElementById("model-in-use");
  if (head && used) head.textContent = [used.name, used.device && used.device.toUpperCase(), used.precision].filter(Boolean).join(" · ");
}

function bindModels() {
  inPanel("#model-choice").addEventListener("change", (event) => {
    const model = modelNamed(event.target.value);
    if (!model) return;
    wanted = model.name;
    if (model.on_disk) return useModel(model.name);
    showModels();
    showFetch({ state: "ask", model: model.name });
  });
  return loadModels();
}

document.addEventListener("lama-models-changed", () => loadModels(0));

function useModel(name) {
  giveUp();
  S.model = name;
  try { localStorage.setItem("lama-model", name); } catch { /* private window */ }
  wanted = "";
  showFetch({ state: "idle" });
  showModels();
  S.request += 1;
  if (isLive() && S.raster && S.raster.count) {
    stage.dataset.request = S.request;
    startRun();
  } else if (S.photo) {
    settleMask();
    publish();
  }
  setTimeout(() => loadModels(0), 3000);
}

function showFetch(state) {
  const model = modelNamed(wanted);
  const area = inPanel(".lp-fetch");
  area.hidden = !model || state.state === "idle" || state.state === "done";
  if (area.hidden) return;
  const going = state.state === "running";
  const size = Math.round(model.megabytes);
  inPanel(".lp-fetch-text").textContent = going
    ? "Fetching " + model.title + ": " + Math.round(state.fraction * size) + " of " + size + " MB"
    : state.state === "failed" ? state.message : "Fetch " + model.title + " (" + size + " MB) from the Hugging Face Hub? It is kept on this machine.";
  area.querySelector("progress").hidden = !going;
  area.querySelector("progress").value = state.fraction || 0;
  inPanel('[data-do="fetch"]').hidden = going;
  inPanel('[data-do="fetch"]').textContent = state.state === "failed" ? "Try again" : "Download";
}

async function fetchModel() {
  followFetch(await ask("download", { action: "start", model: wanted }));
}

async function stopFetching() {
  clearTimeout(fetchTimer);
  // Before it has begun there is nothing to stop, unless somebody else's.
  if (fetching) await ask("download", { action: "cancel", model: wanted });
  fetching = false;
  wanted = "";
  showFetch({ state: "idle" });
  showModels();
}

async function followFetch(state) {
  clearTimeout(fetchTimer);
  if (!wanted) return;
  if (!state.ok) return showFetch({ state: "failed", message: state.message });
  if (state.state === "running" && state.model !== wanted) {
    const other = modelNamed(state.model);
    return showFetch({ state: "failed", message: (other ? other.title : state.model) + " is being fetched just now. Try again when it is there." });
  }
  showFetch(state);
  fetching = state.state === "running";
  if (fetching) fetchTimer = setTimeout(async () => followFetch(await ask("download", { action: "state" })), 500);
  if (state.state === "done" && state.model === wanted) {
    await loadModels(0);
    useModel(wanted);
  }
}
