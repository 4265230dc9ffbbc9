// The mask itself: one byte a pixel of the photo, 0 or 1. Everything that draws, draws here, without antialiasing.
function createRaster(width, height) {
  const data = new Uint8Array(width * height);
  let count = 0;

  // Sets a run of one row; returns nothing, keeps the count exact.
  function run(y, from, to, value) {
    if (y < 0 || y >= height) return;
    const left = Math.max(0, from);
    const right = Math.min(width - 1, to);
    for (let i = y * width + left, end = y * width + right; i <= end; i++) {
      if (data[i] !== value) {
        data[i] = value;
        count += value ? 1 : -1;
      }
    }
  }

  const clipped = (x0, y0, x1, y1) => {
    const x = clamp(Math.floor(x0), 0, width);
    const y = clamp(Math.floor(y0), 0, height);
    return { x, y, width: Math.max(0, Math.min(width, Math.ceil(x1) + 1) - x), height: Math.max(0, Math.min(height, Math.ceil(y1) + 1) - y) };
  };

  return {
    width,
    height,
    data,
    get count() { return count; },

    // All pixels whose centre is within r of the segment a-b. A pen thinner than a pixel draws a line without gaps
    // too: half a pixel reaches a centre in every column, or row, that the line crosses.
    capsule(a, b, radius, value) {
      const r = Math.max(radius, 0.5);
      const box = clipped(Math.min(a.x, b.x) - r, Math.min(a.y, b.y) - r, Math.max(a.x, b.x) + r, Math.max(a.y, b.y) + r);
      const dx = b.x - a.x, dy = b.y - a.y, long = dx * dx + dy * dy, reach = r * r;
      for (let y = box.y; y < box.y + box.height; y++) {
        let from = -1, to = -2;
        for (let x = box.x; x < box.x + box.width; x++) {
          const px = x + 0.5 - a.x, py = y + 0.5 - a.y;
          const t = long ? clamp((px * dx + py * dy) / long, 0, 1) : 0;
          const ex = px - t * dx, ey = py - t * dy;
          if (ex * ex + ey * ey <= reach) { if (from < 0) from = x; to = x; } else if (from >= 0) break;
        }
        if (from >= 0) run(y, from, to, value);
      }
      run(Math.floor(b.y), Math.floor(b.x), Math.floor(b.x), value);
      return box;
    },

    rectangle(a, b, value) {
      const x0 = Math.round(Math.min(a.x, b.x)), x1 = Math.round(Math.max(a.x, b.x)) - 1;
      const y0 = Math.round(Math.min(a.y, b.y)), y1 = Math.round(Math.max(a.y, b.y)) - 1;
      for (let y = Math.max(0, y0); y <= Math.min(height - 1, y1); y++) run(y, x0, x1, value);
      return clipped(x0, y0, x1, y1);
    },

    // Even-odd filling by scan lines through the pixels' centres.
    polygon(points, value) {
      const ys = points.map((p) => p.y), xs = points.map((p) => p.x);
      const box = clipped(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys));
      for (let y = box.y; y < box.y + box.height; y++) {
        const centre = y + 0.5, cuts = [];
        for (let i = 0; i < points.length; i++) {
          const p = points[i], q = points[(i + 1) % points.length];
          if (p.y <= centre !== q.y <= centre) cuts.push(p.x + ((centre - p.y) / (q.y - p.y)) * (q.x - p.x));
        }
        cuts.sort((one, two) => one - two);
        for (let i = 0; i + 1 < cuts.length; i += 2) run(y, Math.ceil(cuts[i] - 0.5), Math.ceil(cuts[i + 1] - 0.5) - 1, value);
      }
      return box;
    },

    all() { return { x: 0, y: 0, width, height }; },

    // Replaces everything; `source` is 0/1 of the whole photo.
    replace(source) {
      data.set(source);
      count = 0;
      for (let i = 0; i < data.length; i++) count += data[i];
    },

    invert() {
      for (let i = 0; i < data.length; i++) data[i] ^= 1;
      count = data.length - count;
    },

    clear() {
      data.fill(0);
      count = 0;
    },
  };
}
