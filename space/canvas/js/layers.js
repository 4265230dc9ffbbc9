// Draws the stage: the photo with the result in it below, the mask above. Both at the screen's own resolution.
const base = find(".lc-base");
const over = find(".lc-mask");
const PROXY = 2400;
let proxy = null;
let proxyResult = null;

// Whether there is a before and an after.
const isChanged = () => Boolean(S.result || S.original);

// A smaller copy of a big photo, made once, so that panning does not scale twelve megapixels a frame.
function makeProxies() {
  proxyResult = null;
  proxy = smaller(S.bitmap);
}

// Null for a picture that is small enough.
function smaller(bitmap) {
  const { width, height } = bitmap;
  const factor = PROXY / Math.max(width, height);
  if (factor >= 1) return null;
  const copy = new OffscreenCanvas(Math.round(width * factor), Math.round(height * factor));
  const context = copy.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, copy.width, copy.height);
  return copy;
}

function drawPatches(context, scale, x, y, patches = S.result.patches, clear = S.result.clear) {
  context.imageSmoothingQuality = "high";
  for (const patch of patches) {
    const box = [x + patch.x * scale, y + patch.y * scale, patch.width * scale, patch.height * scale];
    if (clear) context.clearRect(...box);
    context.drawImage(patch.bitmap, ...box);
  }
}

// With `fresh`, the patches that are new in a result whose others are drawn already.
function makeProxyResult(fresh = null) {
  if (fresh && proxyResult) return drawPatches(proxyResult.getContext("2d"), proxy.width / S.photo.width, 0, 0, fresh);
  proxyResult = null;
  if (!proxy || !S.result) return;
  proxyResult = new OffscreenCanvas(proxy.width, proxy.height);
  const context = proxyResult.getContext("2d");
  context.drawImage(proxy, 0, 0);
  drawPatches(context, proxy.width / S.photo.width, 0, 0);
}

// Draws within `clip`, a path of its own, so that a browser scales no pixel that nobody will see.
function within(context, clip, draw) {
  context.save();
  context.beginPath();
  for (const box of clip) context.rect(box.x, box.y, box.width, box.height);
  context.clip();
  draw();
  context.restore();
}

// All of the stage, or only where `patches` lie.
function drawBase(patches = null) {
  const resized = base.width !== view.width || base.height !== view.height;
  if (resized) {
    base.width = view.width;
    base.height = view.height;
  }
  const context = base.getContext("2d");
  if (!patches || resized) {
    placeClear();
    return drawPhoto(context);
  }
  within(context, patches.map(onStage).map(outwards), () => drawPhoto(context));
}

// The checkerboard below the photo, which shows where the photo is transparent. It goes along with the photo, and ends
// a pixel inside its outline: nothing of it may mix with the edge of an opaque one. In shares of the stage, since the
// photo's canvas is stretched with it until it is drawn anew.
const clearBelow = find(".lc-clear");
function placeClear() {
  clearBelow.hidden = !S.photo;
  if (!S.photo) return;
  for (const [from, to, corner, side, size] of [["left", "right", "x", "width", S.photo.width], ["top", "bottom", "y", "height", S.photo.height]]) {
    const room = view[side], start = Math.max(0, Math.ceil(view[corner]) + 1);
    const end = Math.min(room, Math.floor(view[corner] + size * view.scale) - 1);
    clearBelow.style[from] = (100 * start) / room + "%";
    clearBelow.style[to] = (100 * (room - Math.max(start, end))) / room + "%";
    clearBelow.style["backgroundPosition" + corner.toUpperCase()] = Math.round((view[corner] - start) / view.dpr) + "px";
  }
}

// Whole pixels of the stage with room for what scaling mixes in from beside.
function outwards({ x, y, width, height }) {
  const left = Math.floor(x) - 2, top = Math.floor(y) - 2;
  return { x: left, y: top, width: Math.ceil(x + width) + 2 - left, height: Math.ceil(y + height) + 2 - top };
}

function drawPhoto(context) {
  context.clearRect(0, 0, base.width, base.height);
  if (!S.photo || !S.bitmap) return;
  const { scale, x, y } = view;
  const width = S.photo.width * scale, height = S.photo.height * scale;
  const small = proxy && scale <= (proxy.width / S.photo.width) * 1.01;
  context.imageSmoothingEnabled = scale < 4 * view.dpr;
  context.imageSmoothingQuality = "high";
  const draw = (picture) => context.drawImage(picture, x, y, width, height);
  const first = S.original ?? { bitmap: S.bitmap, proxy };
  const drawBefore = () => draw(small ? first.proxy : first.bitmap);
  if (S.peek) return drawBefore();
  // The copy of the result holds all of the photo: each side of the line is drawn once.
  const drawAfter = () => {
    if (small) return draw(proxyResult ?? proxy);
    draw(S.bitmap);
    if (S.result) drawPatches(context, scale, x, y);
  };
  const edge = isChanged() ? Math.round(S.compare * view.width) : 0;
  if (edge) within(context, [{ x: 0, y: 0, width: edge, height: view.height }], drawBefore);
  within(context, [{ x: edge, y: 0, width: view.width - edge, height: view.height }], drawAfter);
}

// Colours as the little-endian words of an ImageData.
const FILL = 0x6b2a42f0, DARK = 0xf0101430, LIGHT = 0xe6ffffff;

// Redraws the mask within a rectangle of the stage (device pixels).
function drawMask(area) {
  if (over.width !== view.width || over.height !== view.height) {
    over.width = view.width;
    over.height = view.height;
    area = null;
  }
  const x0 = area ? clamp(Math.floor(area.x) - 2, 0, view.width) : 0;
  const y0 = area ? clamp(Math.floor(area.y) - 2, 0, view.height) : 0;
  const x1 = area ? clamp(Math.ceil(area.x + area.width) + 2, 0, view.width) : view.width;
  const y1 = area ? clamp(Math.ceil(area.y + area.height) + 2, 0, view.height) : view.height;
  const width = x1 - x0, height = y1 - y0;
  if (width < 1 || height < 1) return;
  const context = over.getContext("2d");
  if (!S.raster || !S.raster.count) return context.clearRect(x0, y0, width, height);
  const image = new ImageData(width, height);
  paintMask(new Uint32Array(image.data.buffer), x0, y0, width, height);
  context.putImageData(image, x0, y0);
}

function paintMask(words, x0, y0, width, height) {
  const { data, width: stride, height: rows } = S.raster;
  const columns = new Int32Array(width + 2);
  for (let i = 0; i < width + 2; i++) {
    const column = Math.floor((x0 + i - 1 + 0.5 - view.x) / view.scale);
    columns[i] = column < 0 || column >= stride ? -1 : column;
  }
  const line = (y, into) => {
    const row = Math.floor((y + 0.5 - view.y) / view.scale);
    if (row < 0 || row >= rows) return into.fill(0);
    for (let i = 0; i < into.length; i++) into[i] = columns[i] < 0 ? 0 : data[row * stride + columns[i]];
  };
  let above = new Uint8Array(width + 2), here = new Uint8Array(width + 2), below = new Uint8Array(width + 2);
  line(y0 - 1, above);
  line(y0, here);
  for (let y = 0; y < height; y++) {
    line(y0 + y + 1, below);
    for (let i = 1; i <= width; i++) {
      const around = here[i - 1] + here[i + 1] + above[i] + below[i];
      if (here[i]) words[y * width + i - 1] = around === 4 ? FILL : DARK;
      else if (around) words[y * width + i - 1] = LIGHT;
    }
    [above, here, below] = [here, below, above];
  }
}

// A rectangle of the photo as a rectangle of the stage.
const onStage = (box) => ({
  x: box.x * view.scale + view.x, y: box.y * view.scale + view.y,
  width: box.width * view.scale, height: box.height * view.scale,
});

// The smallest rectangle around both; the first may be null.
function boxAround(one, other) {
  if (!one) return other;
  const x = Math.min(one.x, other.x), y = Math.min(one.y, other.y);
  return { x, y, width: Math.max(one.x + one.width, other.x + other.width) - x, height: Math.max(one.y + one.height, other.y + other.height) - y };
}

let pendingFrame = 0, dirtyBase = false, dirtyMask = false;
function redraw(what = "all") {
  dirtyBase ||= what !== "mask";
  dirtyMask ||= what !== "base";
  pendingFrame ||= requestAnimationFrame(() => {
    pendingFrame = 0;
    if (dirtyBase) drawBase();
    if (dirtyMask) drawMask(null);
    dirtyBase = dirtyMask = false;
  });
}

on("view", () => {
  redraw();
  const zoom = find(".lc-zoom");
  zoom.hidden = !S.photo || view.scale <= view.fit * 1.001;
  zoom.textContent = Math.round((view.scale / view.dpr) * 100) + " %";
});
