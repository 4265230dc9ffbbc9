// In the bar over the canvas: while another photo than the record's is open there, no mask of it can be accepted.
const line = element.querySelector(".rs");
const isButton = (found) => (found && found.tagName !== "BUTTON" ? found.querySelector("button") : found);

function show() {
  if (!element.isConnected) return;
  const other = document.getElementById("mask-canvas")?.dataset.notTheRecord;
  const accept = isButton(document.getElementById("fix-accept"));
  line.hidden = other === undefined;
  line.querySelector("p").textContent = line.hidden ? "" : "Another photo is open" + (other && ": " + other) +
    ". To accept the record's mask, go back to its photo.";
  if (accept) accept.disabled = !line.hidden;
}
line.querySelector("button").addEventListener("click", () => document.dispatchEvent(new Event("lama-to-record")));
document.addEventListener("lama-fixing", show);
show();
