// A press on a mask of the grid asks for its record.
element.addEventListener("click", (event) => {
  const card = event.target.closest("li[data-record]");
  if (card) trigger("click", { record: card.dataset.record });
});
