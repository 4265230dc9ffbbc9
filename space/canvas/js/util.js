// Small helpers and the one object that the parts of the canvas share.
const root = element.querySelector(".lc");
const stage = root.querySelector(".lc-stage");
const find = (selector) => root.querySelector(selector);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// What is open and drawn. `photo` is {id, name, width, height, format}; id is null while it uploads, and `made` is true
// of a result that was gone on from.
// `original` is the first picture ({bitmap, proxy, file}) where a result was gone on from; `before` and `after` are what undo and
// redo reach past the ends of the mask's own history.
const S = {
  photo: null,
  bitmap: null,
  file: null,
  chosen: null,
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
  unsaved: false,
  // When the pen went up last, and whether the newest result has been in sight for a moment.
  penUp: 0,
  settled: false,
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

const askOnce = (name, data) =>
  questioned(server, name, data, "The server cannot be reached. What you drew is kept; try again in a moment.");

// One question to the server. A photo that the app has thrown away meanwhile is sent once more, and the question
// is asked again: the browser has the file.
async function ask(name, data) {
  const answer = await askOnce(name, data);
  const photo = S.photo, was = photo && photo.id;
  if (!answer.lost || !was || !S.file) return answer;
  const again = await sendOnceMore(photo, S.file).catch(() => null);
  if (!again || !again.ok) return answer;
  if (S.photo === photo) {
    tellPhotoId();
    keepPhoto();
    publish();
  }
  return askOnce(name, JSON.parse(JSON.stringify(data).replaceAll(was, photo.id)));
}

// The bar over the stage.
const { begin: beginWait, during: withWait } = waitBar(find(".lc-wait"));
