// Masks as 1-bit greyscale PNG, written here so that no colour management or antialiasing can touch a pixel.
const CRC = (() => {
  const table = new Uint32Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    table[n] = c >>> 0;
  }
  return table;
})();

function crc32(bytes) {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = CRC[(c ^ bytes[i]) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

function pngChunk(type, data) {
  const chunk = new Uint8Array(data.length + 12);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) chunk[4 + i] = type.charCodeAt(i);
  chunk.set(data, 8);
  view.setUint32(data.length + 8, crc32(chunk.subarray(4, data.length + 8)));
  return chunk;
}

// Without a Blob in between: reading one asks another process, which takes longer than the work.
async function deflate(bytes) {
  const { readable, writable } = new CompressionStream("deflate");
  const writer = writable.getWriter();
  writer.write(bytes);
  writer.close();
  return new Uint8Array(await new Response(readable).arrayBuffer());
}

// Sets the bits from `from` until before `to`; a byte's first bit is its highest.
function setBits(bytes, from, to) {
  const first = from >> 3, last = to >> 3;
  const head = 255 >> (from & 7), tail = 255 & ~(255 >> (to & 7));
  if (first === last) {
    bytes[first] |= head & tail;
    return;
  }
  bytes[first] |= head;
  bytes.fill(255, first + 1, last);
  if (tail) bytes[last] |= tail;
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// A rectangle {x, y, width, height} around all holes of a mask in runs, as PNG bytes.
async function encodeMaskPng(runs, stride, box) {
  const line = 1 + ((box.width + 7) >> 3);
  const packed = new Uint8Array(line * box.height);
  eachHole(runs, stride, (y, from, to) => {
    const start = ((y - box.y) * line + 1) * 8 - box.x;
    setBits(packed, start + from, start + to);
  });
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, box.width);
  view.setUint32(4, box.height);
  head[8] = 1;
  return joined([
    new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]),
    pngChunk("IHDR", head),
    pngChunk("IDAT", await deflate(packed)),
    pngChunk("IEND", new Uint8Array(0)),
  ]);
}

function toBase64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
}

function fromBase64(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// Whether a picture file may differ from what was drawn: JPEG, AVIF, HEIC and most WebP.
function isLossy(head) {
  const letters = String.fromCharCode(...head);
  const webp = letters.startsWith("RIFF") && letters.startsWith("WEBP", 8) && !letters.includes("VP8L");
  return webp || letters.startsWith("\u00ff\u00d8") || letters.startsWith("ftyp", 4);
}

// Pixels of a mask picture as 0/1, as everywhere else: what is not black is hole; in pictures with clear parts,
// what is not clear; in lossy ones, whose black is noisy, what is brighter than the middle.
async function decodeMask(blob) {
  const least = isLossy(new Uint8Array(await blob.slice(0, 1024).arrayBuffer())) ? 128 : 1;
  const picture = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const rgba = context.getImageData(0, 0, picture.width, picture.height).data;
  let clear = false;
  for (let i = 3; i < rgba.length && !clear; i += 4) clear = rgba[i] === 0;
  const mask = new Uint8Array(picture.width * picture.height);
  for (let i = 0, p = 0; i < mask.length; i++, p += 4) {
    mask[i] = (clear ? rgba[p + 3] > 0 : Math.max(rgba[p], rgba[p + 1], rgba[p + 2]) >= least) ? 1 : 0;
  }
  return { width: picture.width, height: picture.height, data: mask };
}
