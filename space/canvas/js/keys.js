// The keyboard. Keys act while the canvas's tab is shown and no field is being typed in.
let keyPen = null;

const startKeyPen = () => { keyPen ??= { sx: view.width / 2, sy: view.height / 2, down: false }; };
const penAt = () => ({ sx: keyPen.sx, sy: keyPen.sy, x: (keyPen.sx - view.x) / view.scale, y: (keyPen.sy - view.y) / view.scale });

// Whoever came to the photo by keyboard sees where the next stroke would begin.
function showKeyPen() {
  if (byPointer || !S.photo || document.activeElement !== stage || !stage.matches(":focus-visible")) return;
  startKeyPen();
  showRing(penAt(), true);
}

function liftKeyPen() {
  keyPen.down = false;
  emit("pen", "up");
  penUp();
}

function keyboardPen(event) {
  const step = event.shiftKey ? 1 : 12;
  const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
  if (move) {
    startKeyPen();
    const sx = keyPen.sx + move[0] * view.dpr, sy = keyPen.sy + move[1] * view.dpr;
    keyPen.sx = clamp(sx, 0, view.width);
    keyPen.sy = clamp(sy, 0, view.height);
    // At the stage's edge the photo comes along.
    if (sx !== keyPen.sx || sy !== keyPen.sy) panBy(keyPen.sx - sx, keyPen.sy - sy);
    if (keyPen.down) penMove([penAt()]);
    else emit("hover", penAt());
  } else if (event.key === "Enter" && !event.repeat) {
    startKeyPen();
    if (keyPen.down && gesture) liftKeyPen();
    else {
      penDown(penAt(), false, event.shiftKey);
      keyPen.down = true;
    }
  } else if (event.key === "Escape" && gesture) {
    penCancel();
    if (keyPen) keyPen.down = false;
  } else return false;
  if (keyPen) showRing(penAt(), true);
  return true;
}

// About the pen where it is moved by keys, else about the middle.
function zoomByKey(factor) {
  if (ringPlace && ringPlace.byKey) zoomAbout(factor, keyPen.sx, keyPen.sy);
  else zoomAbout(factor);
}

const KEYS = {
  b: () => chooseTool("brush"), e: () => chooseTool("eraser"), r: () => chooseTool("box"), l: () => chooseTool("lasso"),
  s: () => chooseTool("select"), f: () => openMenu("lc-fill-menu"),
  "[": () => setBrush(S.brush / 1.2 - 1), "]": () => setBrush(S.brush * 1.2 + 1),
  "+": () => zoomByKey(1.25), "=": () => zoomByKey(1.25), "-": () => zoomByKey(0.8), 0: () => fitView(),
  x: () => doTool("invert"), delete: () => doTool("clear"), backspace: () => doTool("clear"),
  m: pinMask, n: openNext,
};

// Space moves the photo where a mouse or pen is over it, whichever button was pressed last: that one gets neither the
// key nor, at its lift, a click. A finger's hover stays where it tapped last and tells nothing.
let isOver = false;
stage.addEventListener("pointerenter", (event) => { isOver = event.pointerType !== "touch"; });
stage.addEventListener("pointerleave", () => { isOver = false; });
const isNoControl = (target) => target === stage || target === document.body;

document.addEventListener("keydown", (event) => {
  if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!root.isConnected || !root.offsetParent || !S.photo || typing(event.target)) return;
  // A button whose press has begun keeps it.
  if (!spaceHeld && !isNoControl(event.target) && (!isOver || event.repeat)) return;
  event.preventDefault();
  event.stopPropagation();
  if (spaceHeld) return;
  spaceHeld = true;
  showCursor();
}, true);

document.addEventListener("keyup", (event) => {
  if (event.key !== " " || !spaceHeld) return;
  event.preventDefault();
  event.stopPropagation();
  spaceHeld = false;
  showCursor();
}, true);

document.addEventListener("keydown", (event) => {
  if (!root.isConnected || !root.offsetParent || !S.photo || typing(event.target)) return;
  const key = keyOf(event);
  // Brackets are written with AltGr or Option on many keyboards.
  if ((key === "[" || key === "]") && !gesture && !event.metaKey && (event.altKey || !event.ctrlKey)) {
    event.preventDefault();
    return KEYS[key]();
  }
  if ((event.ctrlKey || event.metaKey) && !event.altKey) {
    if (key === "z" && !gesture) (event.shiftKey ? maskHistory.redo() : maskHistory.undo());
    else if (key === "y" && !gesture) maskHistory.redo();
    else if (key === "c" && !event.shiftKey && !event.repeat && canCopy()) copyResult();
    else return;
    return event.preventDefault();
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === "escape") byPointer = false;
  if (key === "tab" && !event.shiftKey && byPointer && document.activeElement === stage && isChanged()) {
    event.preventDefault();
    return peek(true);
  }
  if (key === "o") return peek(true);
  if (document.activeElement === stage && keyboardPen(event)) return event.preventDefault();
  if (gesture || !KEYS[key]) return;
  event.preventDefault();
  KEYS[key]();
});

document.addEventListener("keyup", (event) => {
  if (event.key === "Tab" || keyOf(event) === "o") peek(false);
});
window.addEventListener("blur", () => {
  peek(false);
  spaceHeld = false;
  showCursor();
});
stage.addEventListener("focus", showKeyPen);
stage.addEventListener("blur", () => {
  if (keyPen && keyPen.down && gesture) liftKeyPen();
  byPointer = false;
  if (ringPlace && ringPlace.byKey) showRing(null); // over the pointer it stays
  emit("hover", null);
  stage.dataset.pointer = "no";
});
