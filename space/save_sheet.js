// The save sheet: Ctrl+S saves from the canvas, and once something was saved the terms are folded.
const sheet = () => document.getElementById("save-sheet");
const saveButton = () => document.getElementById("save-mask");
const opened = () => saveButton() && saveButton().offsetParent !== null;
const licence = () => document.querySelector("#licence input:checked")?.closest("label")?.textContent.trim();

const fold = (yes) => {
  if (!sheet()) return;
  sheet().classList.toggle("folded", yes);
  const words = sheet().querySelector(".rs-terms span");
  if (words) words.textContent = `${licence() || ""}, as agreed above. Ctrl+S saves.`;
};

element.addEventListener("click", (event) => { if (event.target.closest("[data-terms]")) fold(false); });

// A receipt has come: the next mask needs the button alone.
const status = document.getElementById("record-status");
if (status) new MutationObserver(() => { if (status.querySelector("[data-receipt]")) fold(true); })
  .observe(status, { subtree: true, childList: true });

// "Saved" and its receipt are of the photo before; the receipt stays in reach until the next save.
document.addEventListener("lama-photo", () => {
  const line = status?.querySelector('[data-kind="done"] b');
  if (line) line.textContent = "The photo before was saved.";
});

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  const canvas = document.getElementById("mask-canvas");
  if (!canvas || canvas.offsetParent === null || !sheet()) return;
  event.preventDefault(); // not the page as a file
  if (opened()) return saveButton().click();
  sheet().querySelector("button").click(); // the terms come first
  setTimeout(() => saveButton()?.scrollIntoView({ block: "nearest" }), 300);
});
