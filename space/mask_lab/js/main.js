// Ties the parts together: drawing again whenever something changes, charts, code, the start.
let drawing = false, stale = false;

// One question at a time; whatever changes meanwhile is asked for once it is answered.
// What was said before is not about it; what is said while it is drawn stays.
async function redraw() {
  note("");
  remember();
  stale = true;
  if (drawing || !W.preview) return;
  drawing = true;
  while (stale) {
    stale = false;
    const asked = wish();
    const start = performance.now();
    const answer = await withWait(ask("draw", asked));
    if (stale) continue;
    if (!answer.ok) note(answer.message);
    else show(answer, asked, performance.now() - start);
  }
  drawing = false;
}

function show(answer, asked, milliseconds) {
  shown = { ...answer, wish: asked };
  if (answer.note) note(noteOfFallback(answer), "info");
  showGallery(answer);
  if (dialog.open) openMask(open);
  find(".ml-count").textContent = asked.count + (asked.count === 1 ? " mask" : " masks");
  find(".ml-facts").textContent = W.width + " × " + W.height + ", seed " + asked.seed + ", " + Math.round(milliseconds) + " ms";
  showHistogram(answer);
  find(".ml-sizes-box").innerHTML = answer.sizes;
  find(".ml-holes").textContent = answer.holes + (answer.holes === 1 ? " hole in all" : " holes in all");
  find(".ml-python").textContent = answer.python;
  find(".ml-command").textContent = answer.command;
  const small = strategy().parameters.find((dial) => dial.name === "scale_with_image");
  const hint = small && !valueOf(small) && Math.min(W.width, W.height) > 1200 && !answer.note;
  if (hint) note("The published lengths are pixels and look small on a picture of this size. 'Scale with image' lets them grow.", "info");
}

function noteOfFallback(answer) {
  if (answer.fallbacks === answer.items.length) return answer.note;
  return answer.fallbacks + " of " + answer.items.length + " masks: " + answer.note;
}

function showHistogram(answer) {
  find(".ml-plot-box").innerHTML = answer.plot;
  const { count, mean, median } = answer.summary;
  find(".ml-figures").textContent = "n = " + count.toLocaleString("en") + " · mean " + percent(mean) + " · median " + percent(median);
  find(".ml-key-curve").textContent = answer.reference;
  find(".ml-key-curve").hidden = !answer.reference;
}

async function measure(button) {
  const words = button.textContent;
  button.textContent = "Measuring…";
  const asked = wish();
  const answer = await closedWhile(button, () => ask("measure", asked));
  button.textContent = words;
  if (!answer.ok) return note(answer.message);
  if (JSON.stringify(asked) === JSON.stringify(wish())) showHistogram(answer);
}

const ACTIONS = {
  reset: resetDials,
  reseed: () => { W.seed += 1; find(".ml-seed").value = W.seed; redraw(); },
  zip: downloadAll,
  measure,
  copy: (button) => shown && copyText(shown.python + "\n\n" + shown.command + "\n", button),
  previous: () => openMask(open - 1),
  next: () => openMask(open + 1),
  one: downloadOne,
  "copy-one": (button) => copyText(codeOfOne(), button),
  use: useInInpaint,
  close: () => dialog.close(),
};
root.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (button) ACTIONS[button.dataset.do](button);
});

function bindNumber(selector, key, low, high) {
  const box = find(selector);
  box.value = W[key];
  box.addEventListener("input", () => {
    const value = Number(box.value);
    if (box.value === "" || !Number.isInteger(value) || value < low || value > high) return;
    W[key] = value;
    redraw();
  });
  box.addEventListener("change", () => { box.value = W[key]; });
}

recall();
showStrategies();
showSamples();
showChoice();
bindNumber(".ml-seed", "seed", 0, Number.MAX_SAFE_INTEGER);
bindNumber(".ml-number", "count", 1, 64);
if (matchMedia("(max-width: 820px)").matches) for (const fold of root.querySelectorAll(".ml-fold")) fold.open = false;
first = openFirst();
