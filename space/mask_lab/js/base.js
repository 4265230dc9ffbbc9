// What the parts of the Masks tab share: what is wished for, questions to the server, small helpers.
const root = element.querySelector(".ml");
const find = (selector) => root.querySelector(selector);
const MEMORY = "lama-masks";

// `photo` is the id of a photo on the server, or "" for the drawn landscape.
const W = {
  photo: "",
  name: "",
  width: 256,
  height: 256,
  preview: "",
  strategy: "wide",
  values: {},
  seed: 0,
  count: 16,
};
let shown = null;

const strategyNamed = (name) => FACTS.strategies.find((strategy) => strategy.name === name);
const strategy = () => strategyNamed(W.strategy);
const changed = () => (W.values[W.strategy] ??= {});
const published = (dial) => (Math.min(W.width, W.height) <= FACTS.small_up_to ? dial.small : dial.default);
const valueOf = (dial) => changed()[dial.name] ?? published(dial);

function wish() {
  return { photo: W.photo, name: W.name, width: W.width, height: W.height, strategy: W.strategy, values: { ...changed() }, seed: W.seed, count: W.count };
}

function note(text, kind = "problem") {
  const line = find(".ml-note");
  line.hidden = !text;
  line.textContent = text || "";
  line.dataset.kind = kind;
}

const { begin: beginWait, during: withWait } = waitBar(find(".ml-busy"));
const ask = (name, data) => questioned(server, name, data, "The server cannot be reached. Try again in a moment.");

function remember() {
  const { photo, name, width, height, strategy: chosen, values, seed, count } = W;
  try {
    localStorage.setItem(MEMORY, JSON.stringify({ photo, name, width, height, strategy: chosen, values, seed, count }));
  } catch { /* private window */ }
}

function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(MEMORY) || "{}");
    if (!strategyNamed(kept.strategy)) delete kept.strategy;
    if (typeof kept.values !== "object" || !kept.values) delete kept.values;
    for (const key of ["photo", "name", "width", "height", "strategy", "values", "seed", "count"]) {
      if (kept[key] !== undefined) W[key] = kept[key];
    }
  } catch { /* nothing was kept */ }
}
