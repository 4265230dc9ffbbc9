// The masks as tiles, and one of them large in a dialog with what can be done with it.
const dialog = find(".ml-dialog");
let open = 0;

const holes = (item) => item.components + (item.components === 1 ? " hole" : " holes");
const facts = (item) => [percent(item.area), holes(item), "up to " + item.widest_stroke + " px wide"].join(" · ");

function showGallery(answer) {
  const gallery = find("#mask-gallery");
  delete gallery.dataset.stale;
  gallery.style.setProperty("--ratio", W.width + " / " + W.height);
  gallery.dataset.tall = W.height > W.width * 1.2 ? "yes" : "no";
  gallery.replaceChildren(...answer.items.map((item, index) => {
    const cell = make("div", "ml-cell");
    cell.setAttribute("role", "listitem");
    const tile = make("button", "ml-tile");
    tile.type = "button";
    tile.style.backgroundImage = 'url("' + W.preview + '")';
    tile.title = facts(item) + (item.note ? "\n" + item.note : "");
    const picture = make("img");
    picture.src = "data:image/png;base64," + item.overlay;
    picture.alt = "Mask " + (index + 1) + ": " + facts(item);
    tile.append(picture, make("span", "", percent(item.area) + " · " + holes(item) + " · " + item.widest_stroke + " px"));
    tile.addEventListener("click", () => openMask(index));
    cell.append(tile);
    return cell;
  }));
}

function openMask(index) {
  if (!shown || !shown.items.length) return;
  open = (index + shown.items.length) % shown.items.length;
  const item = shown.items[open];
  const large = find(".ml-large");
  large.style.setProperty("--ratio", W.width + " / " + W.height);
  large.style.setProperty("--tall", W.height / W.width);
  large.style.backgroundImage = 'url("' + W.preview + '")';
  large.querySelector("img").src = "data:image/png;base64," + item.overlay;
  large.querySelector("img").alt = "Mask " + (open + 1);
  find(".ml-which").textContent = "Mask " + (open + 1) + " of " + shown.items.length;
  find(".ml-one").textContent = facts(item) + (item.touches_border ? " · touches the border" : "") + (item.note ? ". " + item.note : "");
  if (!dialog.open) dialog.showModal();
}

async function downloadOne() {
  const answer = await ask("save", { ...shown.wish, index: open });
  if (!answer.ok) {
    find(".ml-one").textContent = answer.message;
    return;
  }
  saveFile(answer.url, answer.name);
}

async function downloadAll(button) {
  const words = button.textContent;
  button.textContent = "Packing…";
  const answer = await closedWhile(button, () => ask("save", shown ? shown.wish : wish()));
  button.textContent = words;
  if (!answer.ok) return note(answer.message);
  saveFile(answer.url, answer.name);
}

function useInInpaint() {
  dialog.close();
  // A number of its own makes every click a new value, also for the same mask twice.
  props.value = { ...shown.wish, index: open, turn: Date.now() };
  trigger("submit");
}

const codeOfOne = () => shown.python + "\nhole = holes[" + open + "]";

dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") openMask(open - 1);
  if (event.key === "ArrowRight") openMask(open + 1);
});
