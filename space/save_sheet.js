// The save sheet: once something was saved the terms are folded. (Ctrl+S is in page.js: this comes onto the
// page with the opened sheet.)
const sheet = () => document.getElementById("save-sheet");
const licence = () => document.querySelector("#licence input:checked")?.closest("label")?.textContent.trim();

const fold = (yes) => {
  if (!sheet()) return;
  sheet().classList.toggle("folded", yes);
  const words = sheet().querySelector(".rs-terms span");
  if (words) words.textContent = `${licence() || ""}, as agreed above. Ctrl+S saves.`;
};

element.addEventListener("click", (event) => { if (event.target.closest("[data-terms]")) fold(false); });

// A receipt has come: the next mask needs the button alone, and the page need not warn of closing it.
const status = document.getElementById("record-status");
let receipt = null;
if (status) new MutationObserver(() => {
  const found = status.querySelector("[data-kind=done] [data-receipt]")?.dataset.receipt;
  if (found) fold(true);
  if (found && found !== receipt) document.dispatchEvent(new Event("lama-saved"));
  receipt = found || receipt;
}).observe(status, { subtree: true, childList: true, attributes: true });

// "Saved" and its receipt are of the photo before; the receipt stays in reach until the next save.
document.addEventListener("lama-photo", () => {
  const line = status?.querySelector('[data-kind="done"] b');
  if (line) line.textContent = "The photo before was saved.";
});
