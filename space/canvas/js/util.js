// Small helpers and the one object that the parts of the canvas share.
const root = element.querySelector(".lc");
const stage = root.querySelector(".lc-stage");
const find = (selector) => root.querySelector(selector);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// What is open and drawn. `photo` is {id, name, width, height, format}; id is null while it uploads.
// `original` is the first picture where a result was gone on from; `before` and `after` are what undo and
// redo reach past the ends of the mask's own history.
const S = {
  photo: null,
  bitmap: null,
  file: null,
  original: null,
  before: null,
  after: null,
  raster: null,
  strokes: [],
  strategy: "drawn",
  request: 0,
  tool: "brush",
  brush: 44,
  live: true,
  refine: false,
  model: "",
  result: null,
  strip: [],
  compare: 0,
  peek: false,
  touched: false,
  mending: null,
};

const listeners = {};
const on = (name, callback) => (listeners[name] ??= []).push(callback);
const emit = (name, detail) => (listeners[name] ?? []).forEach((callback) => callback(detail));

const page = crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2);

// The line over the photo's lower edge. `action` gives it a button: {words, act}.
function note(text, kind = "problem", action = null) {
  const line = find(".lc-note");
  find(".lc-say").hidden = !text;
  line.textContent = text || "";
  line.dataset.kind = kind;
  if (!text || !action) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "lc-button";
  button.textContent = action.words;
  button.addEventListener("click", action.act);
  line.append(" ", button);
}
find(".lc-hush").addEventListener("click", () => note(""));

// One question to the server; a lost connection is answered like any other refusal.
async function ask(name, data) {
  let answer = null;
  try {
    answer = await server[name](data);
  } catch { /* no answer, see below */ }
  if (answer && typeof answer === "object" && "ok" in answer) return answer;
  return { ok: false, offline: true, message: "The server cannot be reached. What you drew is kept; try again in a moment." };
}
