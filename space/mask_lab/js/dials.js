// The strategies as a segmented control, and a dial for every parameter of the chosen one.
function make(tag, className, text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

function showStrategies() {
  const box = find("#strategy-select");
  box.replaceChildren(...FACTS.strategies.map((one) => {
    const button = make("button", "ml-strategy");
    button.type = "button";
    button.setAttribute("role", "radio");
    button.dataset.strategy = one.name;
    button.title = one.summary;
    const picture = make("img");
    picture.src = one.picture;
    picture.alt = "";
    button.append(picture, make("span", "", one.name));
    button.addEventListener("click", () => choose(one.name));
    return button;
  }));
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const names = FACTS.strategies.map((one) => one.name);
    choose(names[(names.indexOf(W.strategy) + step + names.length) % names.length]);
    box.querySelector('[aria-checked="true"]').focus();
  });
}

function choose(name) {
  W.strategy = name;
  showChoice();
  redraw();
}

function showChoice() {
  for (const button of root.querySelectorAll(".ml-strategy")) {
    const chosen = button.dataset.strategy === W.strategy;
    button.setAttribute("aria-checked", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
    // Only sideways: the page itself must not jump.
    if (chosen) button.parentElement.scrollTo({ left: button.offsetLeft - button.parentElement.clientWidth / 2 + 50 });
  }
  find(".ml-summary span").textContent = strategy().summary;
  find(".ml-summary em").textContent = strategy().source + ".";
  showDials();
}

// The slider covers what is sensible around the published value; the number field takes all that is allowed.
function reach(dial, value) {
  if (!dial.integer || dial.maximum <= 50) return dial.maximum;
  const wide = Math.max(20, published(dial) * 3, value);
  return Math.min(dial.maximum, wide > 100 ? Math.ceil(wide / 50) * 50 : Math.ceil(wide / 10) * 10);
}

const written = (dial, value) => (dial.integer ? String(value) : String(Math.round(value * 1000) / 1000));

function showDials() {
  find(".ml-dials").replaceChildren(...strategy().parameters.map((dial) => (dial.switch ? switchRow(dial) : sliderRow(dial))));
  showReset();
}

function switchRow(dial) {
  const row = make("label", "ml-switch");
  row.title = dial.help;
  const box = make("input");
  box.type = "checkbox";
  box.setAttribute("role", "switch");
  box.dataset.name = dial.name;
  box.checked = Boolean(valueOf(dial));
  box.addEventListener("change", () => setValue(dial, box.checked ? 1 : 0));
  row.append(box, make("i"), make("span", "", dial.title));
  return row;
}

function sliderRow(dial) {
  const row = make("div", "ml-dial");
  row.dataset.name = dial.name;
  row.title = dial.help;
  const head = make("div", "ml-dial-head");
  const id = "ml-" + dial.name;
  const label = make("label", "", dial.title);
  label.htmlFor = id;
  // "px" stands behind the number, "of the picture" under the name.
  const short = dial.unit.length <= 3;
  if (!short) label.append(make("small", "", dial.unit));
  const back = make("button", "ml-back");
  back.type = "button";
  back.addEventListener("click", () => {
    passFocus(back, number);
    setValue(dial, published(dial));
    fill();
  });
  const number = make("input");
  Object.assign(number, { type: "number", min: dial.minimum, max: dial.maximum, step: dial.step });
  number.setAttribute("aria-label", dial.title + (dial.unit ? ", " + dial.unit : "") + ", number");
  head.append(label, back, number, make("em", "", short ? dial.unit : ""));
  const range = make("input");
  Object.assign(range, { type: "range", id, min: dial.minimum, step: dial.step });
  range.setAttribute("aria-description", dial.help);
  const track = make("div", "ml-track");
  const mark = make("u");
  track.append(range, mark);
  row.append(head, track);

  function fill() {
    const value = valueOf(dial);
    const top = reach(dial, value);
    range.max = top;
    range.value = value;
    number.value = written(dial, value);
    const paper = published(dial);
    mark.style.setProperty("--at", (paper - dial.minimum) / (top - dial.minimum));
    mark.title = "Published: " + written(dial, paper) + " " + dial.unit;
    back.textContent = "paper: " + written(dial, paper);
    back.setAttribute("aria-label", "Set " + dial.title + " back to the published " + written(dial, paper));
    row.dataset.changed = value === paper ? "no" : "yes";
  }
  row.fill = fill;
  range.addEventListener("input", () => { setValue(dial, Number(range.value)); fill(); });
  number.addEventListener("change", () => {
    const value = Number(number.value);
    if (number.value === "" || Number.isNaN(value)) return fill();
    const held = Math.min(Math.max(dial.integer ? Math.round(value) : value, dial.minimum), dial.maximum);
    setValue(dial, held);
    fill();
  });
  fill();
  return row;
}

function setValue(dial, value) {
  put(dial, value);
  // The fewest never above the most: the other end comes along.
  for (const [low, high] of strategy().pairs) {
    const other = dialNamed(dial.name === low ? high : low);
    if (dial.name === low && valueOf(other) < value) put(other, value);
    if (dial.name === high && valueOf(other) > value) put(other, value);
    const row = find('.ml-dial[data-name="' + other.name + '"]');
    if (row) row.fill();
  }
  showReset();
  redraw();
}

const dialNamed = (name) => strategy().parameters.find((dial) => dial.name === name);

function put(dial, value) {
  if (value === published(dial)) delete changed()[dial.name];
  else changed()[dial.name] = value;
}

function showReset() {
  const button = find('[data-do="reset"]'), isOpen = Object.keys(changed()).length > 0;
  const first = find('.ml-dials input[type="number"], .ml-dials input');
  if (!isOpen && first) passFocus(button, first);
  button.disabled = !isOpen;
}

function resetDials() {
  W.values[W.strategy] = {};
  showDials();
  redraw();
}
