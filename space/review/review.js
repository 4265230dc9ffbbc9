// The Review tab's keys, and the photo without its mask while O is held.
const KEYS = { a: "accept", r: "reject", f: "fix", s: "skip", u: "undo", p: "fill" };
const button = (name) => {
  const found = document.getElementById("review-" + name);
  return found && (found.tagName === "BUTTON" ? found : found.querySelector("button"));
};
// The picture itself gives way to a fill.
const shown = () => element.isConnected && document.getElementById("review-tab").offsetParent !== null;
const typing = (target) => target.closest && target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
const peek = (yes) => element.classList.toggle("rv-peek", yes);

// A second press before the next record is there would be a decision on what nobody has seen.
let waiting = 0;
const settled = new MutationObserver(() => { waiting = 0; });
settled.observe(element, { subtree: true, childList: true });
const status = document.getElementById("review-status");
if (status) settled.observe(status, { subtree: true, childList: true });

// Once there is a fill, asking again changes between it and the mask.
const filled = () => document.querySelector("#review-filled .rv-filled");
document.addEventListener("click", (event) => {
  if (!filled() || !button("fill") || !button("fill").contains(event.target)) return;
  event.stopPropagation();
  element.classList.toggle("rv-back");
}, true);
const fills = document.getElementById("review-filled");
if (fills) new MutationObserver(() => {
  element.classList.remove("rv-back");
  // One that comes when the next record is shown would hide what is decided on.
  const late = filled();
  if (late && late.dataset.record !== element.querySelector("[data-record]")?.dataset.record) late.remove();
}).observe(fills, { subtree: true, childList: true });

document.addEventListener("click", (event) => {
  if (["accept", "reject", "skip", "undo"].some((name) => button(name) && button(name).contains(event.target))) waiting = Date.now();
});
document.addEventListener("keydown", (event) => {
  if (!shown() || typing(event.target) || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const key = event.key.toLowerCase();
  if (key === "o") return peek(true);
  if (!KEYS[key] || Date.now() - waiting < 5000) return;
  const target = button(KEYS[key]);
  if (!target || target.disabled) return;
  event.preventDefault();
  target.click();
});
document.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "o") peek(false); });
window.addEventListener("blur", () => peek(false));
element.addEventListener("pointerdown", () => peek(true));
for (const name of ["pointerup", "pointerleave", "pointercancel"]) element.addEventListener(name, () => peek(false));
