// A mask as run lengths, known and hole in turn: a few kilobytes whatever the photo's size. The whole
// raster is looked at once a change; what is sent, kept and undone is made from the runs.
function packRuns(data) {
  const runs = [];
  let from = 0, value = 0;
  while (from < data.length) {
    let to = data.indexOf(value ^ 1, from);
    if (to < 0) to = data.length;
    runs.push(to - from);
    from = to;
    value ^= 1;
  }
  return Uint32Array.from(runs);
}

function unpackRuns(runs, length) {
  const data = new Uint8Array(length);
  let at = 0;
  runs.forEach((size, index) => {
    if (index & 1) data.fill(1, at, at + size);
    at += size;
  });
  return data;
}

function sameRuns(one, other) {
  return one === other || (one.length === other.length && one.every((size, index) => size === other[index]));
}

// Calls visit(y, from, to) for every stretch of hole within a row; `to` is past its end.
function eachHole(runs, stride, visit) {
  let at = runs[0];
  for (let i = 1; i < runs.length; i += 2) {
    const end = at + runs[i];
    while (at < end) {
      const y = Math.floor(at / stride);
      const to = Math.min(end, (y + 1) * stride);
      visit(y, at - y * stride, to - y * stride);
      at = to;
    }
    at += runs[i + 1] ?? 0;
  }
}

// The smallest rectangle that holds all holes; null where there are none.
function holesBox(runs, stride) {
  let left = stride, right = 0, top = Infinity, bottom = -1;
  eachHole(runs, stride, (y, from, to) => {
    left = Math.min(left, from);
    right = Math.max(right, to);
    top = Math.min(top, y);
    bottom = y;
  });
  return bottom < 0 ? null : { x: left, y: top, width: right - left, height: bottom + 1 - top };
}
