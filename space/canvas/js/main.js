// Ties the parts together: the toolbar, the menus, values that come from Python, the start.
function doTool(what) {
  if (!S.raster) return;
  if (what === "undo") maskHistory.undo();
  if (what === "redo") maskHistory.redo();
  if (what === "invert") changeMask((raster) => raster.invert(), { tool: "invert" });
  if (what === "clear" && S.raster.count) changeMask((raster) => raster.clear(), { tool: "clear" });
  if (what === "in") zoomAbout(1.25);
  if (what === "out") zoomAbout(0.8);
  if (what === "fit") fitView();
  if (what === "mask") pinMask();
  if (what === "fill") fillFromStrategy(0);
  if (what === "fill-next") fillFromStrategy(1);
  if (what === "export-mask") exportMask();
}

const menuButton = (menu) => find('[data-menu="' + menu.id + '"]');
// Opens a menu, or closes it if it was open.
function openMenu(id) {
  for (const menu of root.querySelectorAll(".lc-menu")) {
    menu.hidden = menu.id !== id || !menu.hidden;
    menuButton(menu).setAttribute("aria-expanded", String(!menu.hidden));
    if (!menu.hidden) menu.querySelector("select, input, button").focus();
  }
  showAdjusting();
}

function closeMenus() {
  if (find(".lc-menu:not([hidden])")) openMenu("");
}
root.addEventListener("keydown", (event) => {
  const menu = find(".lc-menu:not([hidden])");
  if (event.key !== "Escape" || !menu || gesture) return;
  event.stopPropagation();
  closeMenus();
  menuButton(menu).focus();
});

function putMask(crop, data) {
  for (let y = 0; y < crop.height; y++) {
    const from = y * crop.width;
    data.set(crop.data.subarray(from, from + crop.width), (crop.y + y) * S.photo.width + crop.x);
  }
}

// A mask as Python writes it, {x, y, width, height, png}, at the size of the photo.
async function wholeMask(mask) {
  const whole = new Uint8Array(S.photo.width * S.photo.height);
  if (mask) putMask({ ...(await decodeMask(new Blob([fromBase64(mask.png)], { type: "image/png" }))), x: mask.x, y: mask.y }, whole);
  return whole;
}

const strategyFills = newest();
async function fillFromStrategy(step) {
  const field = find(".lc-seed");
  const seed = Math.max(0, (parseInt(field.value, 10) || 0) + step);
  field.value = seed;
  if (!S.photo || !S.photo.id) return note("The photo is still on its way. Try again in a moment.");
  const strategy = find(".lc-strategy").value;
  const photo = S.photo, isNewest = strategyFills();
  const answer = await withWait(ask("fill_strategy", { photo: photo.id, strategy, seed }));
  if (S.photo !== photo || !isNewest()) return;
  if (!answer.ok) return note(answer.message);
  const whole = await wholeMask(answer.mask);
  if (!(await penIsUp(photo)) || !isNewest()) return;
  const used = answer.strategy; // another one where this found nothing to go by
  const { parameters } = answer;
  changeMask((raster) => raster.replace(whole), { tool: "strategy", strategy: used, seed, parameters }, used);
  if (answer.note) note(answer.note, "info");
}

async function importMask(file) {
  if (!file || !S.photo) return;
  const photo = S.photo;
  let mask;
  try {
    mask = await decodeMask(file);
  } catch {
    return note("This file is not a picture that can be read. A mask is best a PNG, white where the photo is to be filled.");
  }
  if (!(await penIsUp(photo))) return;
  if (mask.width !== S.photo.width || mask.height !== S.photo.height) {
    return note("This mask has " + mask.width + " × " + mask.height + " pixels, the photo " + S.photo.width + " × " + S.photo.height + ". Bring the mask to the photo's size first.");
  }
  if (!mask.data.includes(1)) return note("This mask is black all over: nothing in it is to be filled. What you drew is still there.");
  changeMask((raster) => raster.replace(mask.data), { tool: "import" });
}

async function exportMask() {
  if (!S.raster.count) return note("Nothing is marked yet, so there is no mask to export.");
  const png = await encodeMaskPng(maskHistory.runs, S.photo.width, S.raster.all());
  const url = URL.createObjectURL(new Blob([png], { type: "image/png" }));
  saveFile(url, S.photo.name.replace(/\.[^.]*$/, "") + "-mask.png");
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// Another tab may open a photo with a mask here: its event's output is this component. If that photo is open,
// only the mask is another one, which can be undone like any change.
async function obey(command) {
  const turn = (sending = ++opening);
  endOpening();
  penCancel();
  // What a reviewer comes back to: also from the second of two records.
  const earlier = isMending() ? fixing.earlier : whatIsLeft();
  try {
    const other = Boolean(leaving) || !S.photo || S.photo.id !== command.photo;
    if (other) await openCommanded(command, turn);
    if (turn !== opening) return;
    if (command.review) startFixing(command.photo, earlier);
    if (command.review && S.result) dropResult();
    if (command.mask) await takeMask(command, turn);
    if (other) sayOpened();
  } catch {
    if (turn === opening) {
      comeBack();
      note("The photo could not be opened here. Choose it once more.");
    }
  }
  if (sending === turn) sending = null;
  // What came is a command: the drawing takes its place.
  publish();
  emit("facts");
}

async function openCommanded(command, turn) {
  const bitmap = await createImageBitmap(await (await fetch(command.url)).blob());
  if (turn !== opening) return;
  endQueue();
  if (bitmap.width !== command.width || bitmap.height !== command.height) throw new Error("size");
  replacePhoto(bitmap, { id: command.photo, name: command.name, width: command.width, height: command.height, format: command.format || "" });
  const answer = await ask("has_photo", { photo: command.photo });
  if (turn !== opening) return;
  if (answer.ok) Object.assign(S.photo, { format: answer.format, made: answer.made });
  arrive();
}

async function takeMask(command, turn) {
  const whole = await wholeMask(command.mask);
  if (turn !== opening || S.photo.id !== command.photo) return;
  changeMask((raster) => raster.replace(whole), { tool: "strategy", strategy: command.strategy }, command.strategy);
}

root.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.tool) chooseTool(button.dataset.tool);
  if (button.dataset.way) chooseWay(button.dataset.way);
  if (button.dataset.menu) openMenu(button.dataset.menu);
  if (button.dataset.do && button.dataset.do !== "peek") doTool(button.dataset.do);
});
find('[role="radiogroup"]').addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  chooseTool(TOOLS[(TOOLS.indexOf(S.tool) + step + TOOLS.length) % TOOLS.length]);
  find('[data-tool="' + S.tool + '"]').focus();
});
find(".lc-ways").addEventListener("keydown", (event) => {
  if (!event.key.startsWith("Arrow")) return;
  event.preventDefault();
  chooseWay(takesAway ? "add" : "take");
  ways.find((button) => button.tabIndex === 0).focus();
});
const eye = find('[data-do="peek"]');
for (const [name, yes] of [["pointerdown", true], ["pointerup", false], ["pointerleave", false], ["pointercancel", false], ["blur", false]]) {
  eye.addEventListener(name, () => peek(yes));
}
eye.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") peek(true); });
eye.addEventListener("keyup", () => peek(false));
find(".lc-size input").addEventListener("input", (event) => setBrush(Number(event.target.value)));
find(".lc-import").addEventListener("change", (event) => {
  importMask(event.target.files[0]);
  event.target.value = "";
});
find(".lc-seed").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  fillFromStrategy(0);
});
find(".lc-strategy").replaceChildren(...FACTS.strategies.map((name) => new Option(name, name)));

watch("value", () => {
  let value = props.value;
  if (typeof value === "string") {
    try { value = JSON.parse(value); } catch { return; }
  }
  if (value && value.command === "load") obey(value);
});

try {
  S.live = localStorage.getItem("lama-live") !== "no";
  S.refine = localStorage.getItem("lama-refine") === "yes";
} catch { /* private window */ }
chooseTool("brush");
setBrush(S.brush);
measureStage();
showSamples();
// The panel is another component and may come onto the page later than this one.
const waitForPanel = setInterval(() => {
  const panelRoot = document.querySelector("#inpaint-panel .lp");
  if (!panelRoot) return;
  clearInterval(waitForPanel);
  bindPanel(panelRoot);
  const known = bindModels();
  // What was drawn is filled by the model that filled it before.
  if (keptModel()) known.finally(recall);
  else recall();
}, 20);
