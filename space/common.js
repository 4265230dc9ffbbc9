// What the scripts of several components share; `space.pieces.joined` puts it before each of them.
function percent(fraction) {
  const value = fraction * 100;
  if (value > 0 && value < 0.1) return "under 0.1 %";
  return (value < 10 ? value.toFixed(1) : value.toFixed(0)) + " %";
}

// Why a file cannot be opened; empty if it is not too large.
function tooLarge(file, most) {
  if (file.size <= most * 1e6) return "";
  return "This file has " + Math.round(file.size / 1e6) + " MB; at most " + most + " MB can be opened here. Save it smaller and try again.";
}

// One question to the server. What does not come through is answered like any other refusal, with `offline`; one
// who is signed out is told so, since asking again does not help.
async function questioned(server, name, data, unreached) {
  let answer = null;
  try {
    answer = await server[name](data);
  } catch { /* no answer, see below */ }
  if (answer && typeof answer === "object" && "ok" in answer) return answer;
  const signedOut = await fetch("config", { cache: "no-store" }).then((reply) => reply.status === 401).catch(() => false);
  const message = signedOut
    ? "You are signed out, perhaps since the app was started anew. Reload the page and sign in; what you drew is kept."
    : unreached;
  return { ok: false, offline: true, message };
}

// Whether keys that were pressed are somebody's typing.
const TYPED_INTO = "input:not([type=range]):not([type=checkbox]):not([type=radio]):not([type=file]), textarea, select, [contenteditable]";
const typing = (target) =>
  Boolean(target.closest && target.closest(TYPED_INTO));

// The key that a command goes by. On a keyboard whose letters are not Latin it is the one at the letter's place;
// brackets that need AltGr or Option are found by what they write or by their place.
function keyOf(event) {
  const key = event.key.toLowerCase();
  const latin = /^Key([A-Z])$/.exec(event.code || "");
  if (latin && key.length === 1 && key > "\u007f") return latin[1].toLowerCase();
  const bracket = { BracketLeft: "[", BracketRight: "]" }[event.code];
  return bracket && key.length === 1 && key > "\u007f" ? bracket : key;
}

function saveFile(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

// Of questions that overtake each other the answer to the newest alone counts. Each call begins one and gives a
// function that tells whether it still is the newest.
function newest() {
  let last = 0;
  return () => {
    const mine = ++last;
    return () => mine === last;
  };
}

// A bar that is there for as long as anything is waited for, if that is longer than a blink.
function waitBar(bar) {
  const waits = new Set();
  const show = () => { bar.hidden = ![...waits].some((wait) => wait.shown); };
  function begin(delay = 300) {
    const wait = { shown: !delay };
    waits.add(wait);
    const timer = setTimeout(() => {
      wait.shown = true;
      show();
    }, delay);
    show();
    return () => {
      clearTimeout(timer);
      waits.delete(wait);
      show();
    };
  }
  async function during(work, delay) {
    const end = begin(delay);
    try {
      return await work;
    } finally {
      end();
    }
  }
  return { begin, during };
}

// Before a button is closed or goes away: whoever is at it by keyboard goes on at `next`.
function passFocus(button, next) {
  if (button.matches(":focus-visible")) next.focus({ preventScroll: true });
}

// Works while a button cannot be pressed. Whoever pressed it by keyboard is still there afterwards, or at `next`
// if it stays closed.
async function closedWhile(button, work, isOpen = () => true, next = null) {
  const focused = document.activeElement === button;
  button.disabled = true;
  try {
    return await work();
  } finally {
    button.disabled = !isOpen();
    if (focused && document.activeElement === document.body) (button.disabled ? next : button)?.focus({ preventScroll: true });
  }
}

async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https the clipboard is closed to scripts; the old way still works.
    const box = document.createElement("textarea");
    box.value = text;
    (button.closest("dialog") || document.body).append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
  const words = button.dataset.words || button.textContent;
  button.dataset.words = words;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = words; }, 1400);
}
