// The Inside tab: a click in the hole, or the arrow keys and Enter, asks about another pixel.
const STEP = 2; // pixels of the picture that an arrow key moves the cross
let focused = false;
// While a pixel is looked at no other can be asked about.
const isPending = () => Boolean(element.closest(".pending"));
const place = (box, share) => {
  focused = box === document.activeElement;
  const at = (first, length, part) => Math.floor(first + Math.min(0.9999, Math.max(0, part)) * length);
  trigger("click", {
    x: at(+box.dataset.left, +box.dataset.width, share.x),
    y: at(+box.dataset.top, +box.dataset.height, share.y),
  });
};
const crossOf = (box) => box.querySelector(".in-cross");
const shareOf = (cross) => ({ x: parseFloat(cross.style.left) / 100, y: parseFloat(cross.style.top) / 100 });
const moveTo = (cross, { x, y }) => {
  cross.style.left = `${100 * Math.min(1, Math.max(0, x))}%`;
  cross.style.top = `${100 * Math.min(1, Math.max(0, y))}%`;
};

element.addEventListener("click", (event) => {
  const box = event.target.closest(".in-ask");
  if (!box || isPending()) return;
  const edge = box.querySelector("img").getBoundingClientRect();
  const share = { x: (event.clientX - edge.left) / edge.width, y: (event.clientY - edge.top) / edge.height };
  moveTo(crossOf(box), share);
  place(box, share);
});

element.addEventListener("keydown", (event) => {
  const box = event.target.closest(".in-ask");
  if (!box) return;
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  const cross = crossOf(box), share = shareOf(cross), picture = box.querySelector("img");
  if (way) {
    const far = event.shiftKey ? 5 * STEP : STEP;
    moveTo(cross, { x: share.x + (way[0] * far) / picture.width, y: share.y + (way[1] * far) / picture.height });
  } else if (event.key === "Enter") {
    if (!isPending()) place(box, share);
  } else {
    return;
  }
  event.preventDefault();
});

// The answer is a new picture: whoever works by keyboard goes on there.
watch("value", () => {
  if (focused) element.querySelector(".in-ask")?.focus({ preventScroll: true });
});
