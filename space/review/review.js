// The Review tab's keys, and the photo without its mask while O is held.
const KEYS = { a: "accept", r: "reject", f: "fix", s: "skip", u: "undo", p: "fill" };
const button = (name) => {
  const found = document.getElementById("review-" + name);
  return found && (found.tagName === "BUTTON" ? found : found.querySelector("button"));
};
// The picture itself gives way to a fill.
const shown = () => element.isConnected && document.getElementById("review-tab").offsetParent !== null;
const peek = (yes) => element.classList.toggle("rv-peek", yes);

// A second press or click before the next record is there would be a decision on what nobody has
// seen. The server compares as well, and then does nothing.
let waiting = 0;
document.addEventListener("review-answered", () => { waiting = 0; });

const filled = () => document.querySelector("#review-filled .rv-filled");
const clicked = (event, ...names) => names.some((name) => button(name) && button(name).contains(event.target));
document.addEventListener("click", (event) => {
  if (!clicked(event, ...Object.values(KEYS))) return;
  if (Date.now() - waiting < 5000) return event.stopImmediatePropagation();
  if (clicked(event, "accept", "reject", "skip", "undo")) waiting = Date.now();
  // Once there is a fill, asking again changes between it and the mask.
  if (!filled() || !clicked(event, "fill")) return;
  event.stopImmediatePropagation();
  element.classList.toggle("rv-back");
}, true);
const fills = document.getElementById("review-filled");
if (fills) new MutationObserver(() => {
  element.classList.remove("rv-back");
  // One that comes when the next record is shown would hide what is decided on.
  const late = filled();
  if (late && late.dataset.record !== element.querySelector("[data-record]")?.dataset.record) late.remove();
}).observe(fills, { subtree: true, childList: true });

document.addEventListener("keydown", (event) => {
  if (!shown() || typing(event.target) || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const key = keyOf(event);
  if (key === "o") return peek(true);
  const target = KEYS[key] && button(KEYS[key]);
  if (!target || target.disabled) return;
  event.preventDefault();
  target.click();
});
document.addEventListener("keyup", (event) => { if (keyOf(event) === "o") peek(false); });
window.addEventListener("blur", () => peek(false));
element.addEventListener("pointerdown", () => peek(true));
for (const name of ["pointerup", "pointerleave", "pointercancel"]) element.addEventListener(name, () => peek(false));
