// A record that has come opens; Escape, the button, or a press beside it closes it.
watch("value", () => {
  const dialog = element.querySelector("dialog");
  if (dialog && !dialog.open) dialog.showModal();
});
element.addEventListener("click", (event) => {
  if (event.target.tagName === "DIALOG") event.target.close();
});
