// Growing, shrinking and smoothing a mask: distances to its outline are computed once, so that the
// sliders only compare them. A mask knows hole and known and nothing between, so feathering it
// rounds its outline.
const REACH = 64;

// Distances of a 0/1 mask within a box, in thirds of a pixel: above 0 inside, below 0 outside.
function outlineDistances(data, stride, box) {
  const { width, height } = box;
  const inside = new Int16Array(width * height), outside = new Int16Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, from = (box.y + y) * stride + box.x; x < width; x++, i++) {
      const hole = data[from + x];
      inside[i] = hole ? 30000 : 0;
      outside[i] = hole ? 0 : 30000;
    }
  }
  chamfer(inside, width, height);
  chamfer(outside, width, height);
  const distance = new Float32Array(width * height);
  for (let i = 0; i < distance.length; i++) distance[i] = inside[i] - outside[i];
  return distance;
}

// Two sweeps with steps of 3 and 4: within 6 % of the true distance.
function chamfer(d, width, height) {
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      let best = d[i];
      if (x) best = Math.min(best, d[i - 1] + 3);
      if (y) {
        best = Math.min(best, d[i - width] + 3);
        if (x) best = Math.min(best, d[i - width - 1] + 4);
        if (x < width - 1) best = Math.min(best, d[i - width + 1] + 4);
      }
      d[i] = best;
    }
  }
  for (let y = height - 1, i = d.length - 1; y >= 0; y--) {
    for (let x = width - 1; x >= 0; x--, i--) {
      let best = d[i];
      if (x < width - 1) best = Math.min(best, d[i + 1] + 3);
      if (y < height - 1) {
        best = Math.min(best, d[i + width] + 3);
        if (x < width - 1) best = Math.min(best, d[i + width + 1] + 4);
        if (x) best = Math.min(best, d[i + width - 1] + 4);
      }
      d[i] = best;
    }
  }
}

// Means over (2 radius + 1) pixels along rows and then columns; the border's pixels count on.
function smoothed(from, width, height, radius) {
  if (radius < 1) return from;
  const rows = new Float32Array(from.length), out = new Float32Array(from.length);
  const sweep = (source, target, count, length, next, step) => {
    for (let k = 0; k < count; k++) {
      const at = (i) => source[k * next + clamp(i, 0, length - 1) * step];
      let sum = 0;
      for (let i = -radius; i <= radius; i++) sum += at(i);
      for (let i = 0; i < length; i++) {
        target[k * next + i * step] = sum / (2 * radius + 1);
        sum += at(i + radius + 1) - at(i - radius);
      }
    }
  };
  sweep(from, rows, height, width, width, 1);
  sweep(rows, out, width, height, 1, width);
  return out;
}

// What the sliders work on: a mask (`data` of the whole photo) and all the rest, which stays.
function reshaper(data, rest) {
  const stride = S.photo.width;
  const tight = holesBox(packRuns(data), stride);
  if (!tight) return null;
  const x = Math.max(0, tight.x - REACH), y = Math.max(0, tight.y - REACH);
  const box = { x, y, width: Math.min(stride, tight.x + tight.width + REACH) - x, height: Math.min(S.photo.height, tight.y + tight.height + REACH) - y };
  const distance = outlineDistances(data, stride, box);
  let soft = { radius: 0, distance };
  return {
    // Writes rest + the mask grown by so many pixels (or shrunk, below 0) into the raster.
    apply(grow, smooth) {
      if (soft.radius !== smooth) soft = { radius: smooth, distance: smoothed(distance, box.width, box.height, smooth) };
      const whole = rest.slice();
      const least = -3 * grow;
      for (let row = 0, i = 0; row < box.height; row++) {
        for (let at = (box.y + row) * stride + box.x, end = at + box.width; at < end; at++, i++) {
          if (grow || smooth ? soft.distance[i] > least - (grow > 0 ? 0.5 : 0) : data[at]) whole[at] = 1;
        }
      }
      S.raster.replace(whole);
    },
  };
}
