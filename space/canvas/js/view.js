// Where the photo lies on the stage: `scale` device pixels a photo pixel, `x` and `y` its corner.
const view = { scale: 1, x: 0, y: 0, width: 1, height: 1, dpr: 1, fit: 1 };

function measureStage() {
  view.dpr = Math.min(window.devicePixelRatio || 1, 2);
  const box = stage.getBoundingClientRect();
  // On a hidden tab everything stays as it is until the tab is shown again.
  if (!box.width || !box.height) return false;
  const width = Math.max(1, Math.round(box.width * view.dpr));
  const height = Math.max(1, Math.round(box.height * view.dpr));
  const changed = width !== view.width || height !== view.height;
  view.width = width;
  view.height = height;
  return changed;
}

function fitScale() {
  return Math.min(view.width / S.photo.width, view.height / S.photo.height, 8 * view.dpr);
}

function fitView() {
  if (!S.photo) return;
  view.fit = view.scale = fitScale();
  view.x = (view.width - S.photo.width * view.scale) / 2;
  view.y = (view.height - S.photo.height * view.scale) / 2;
  emit("view");
}

// Keeps some of the photo on the stage, and centres it along a side that fits whole.
function settleView() {
  for (const [corner, side, size] of [["x", "width", S.photo.width], ["y", "height", S.photo.height]]) {
    const long = size * view.scale, room = view[side];
    if (long <= room) view[corner] = (room - long) / 2;
    else view[corner] = clamp(view[corner], room - long - room * 0.3, room * 0.3);
  }
}

// Zooms by a factor about a point of the stage (device pixels), which stays where it is.
function zoomAbout(factor, px = view.width / 2, py = view.height / 2) {
  if (!S.photo) return;
  const scale = clamp(view.scale * factor, view.fit * 0.5, Math.max(view.fit * 4, 32 * view.dpr));
  view.x = px - ((px - view.x) * scale) / view.scale;
  view.y = py - ((py - view.y) * scale) / view.scale;
  view.scale = scale;
  settleView();
  emit("view");
}

function panBy(dx, dy) {
  view.x += dx;
  view.y += dy;
  settleView();
  emit("view");
}

// A pointer event as a point of the photo (not rounded) and of the stage (device pixels).
function locate(event, box = stage.getBoundingClientRect()) {
  const sx = (event.clientX - box.left) * view.dpr, sy = (event.clientY - box.top) * view.dpr;
  return { x: (sx - view.x) / view.scale, y: (sy - view.y) / view.scale, sx, sy };
}

// The brush's radius in pixels of the photo; its size on the screen is what the slider says.
const brushRadius = () => (S.brush * view.dpr) / view.scale / 2;

new ResizeObserver(() => {
  const fitted = Math.abs(view.scale - view.fit) < 1e-6;
  if (!measureStage() || !S.photo) return;
  if (fitted) return fitView();
  view.fit = fitScale();
  settleView();
  emit("view");
}).observe(stage);
