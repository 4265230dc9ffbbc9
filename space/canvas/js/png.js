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

async function deflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The rectangle {x, y, width, height} of a 0/1 raster `width` wide, as PNG bytes.
async function encodeMaskPng(data, stride, box) {
  const line = 1 + ((box.width + 7) >> 3);
  const packed = new Uint8Array(line * box.height);
  for (let y = 0; y < box.height; y++) {
    const from = (box.y + y) * stride + box.x;
    const to = y * line + 1;
    for (let x = 0; x < box.width; x++) if (data[from + x]) packed[to + (x >> 3)] |= 128 >> (x & 7);
  }
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, box.width);
  view.setUint32(4, box.height);
  head[8] = 1;
  const parts = [
    new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]),
    pngChunk("IHDR", head),
    pngChunk("IDAT", await deflate(packed)),
    pngChunk("IEND", new Uint8Array(0)),
  ];
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function toBase64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// Pixels of a mask picture as 0/1. Opaque pictures: bright is hole; pictures with clear parts: painted is hole.
async function decodeMask(blob) {
  const picture = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const rgba = context.getImageData(0, 0, picture.width, picture.height).data;
  let clear = false;
  for (let i = 3; i < rgba.length && !clear; i += 4) clear = rgba[i] < 128;
  const mask = new Uint8Array(picture.width * picture.height);
  for (let i = 0, p = 0; i < mask.length; i++, p += 4) {
    mask[i] = clear ? +(rgba[p + 3] > 127) : +(rgba[p] * 0.299 + rgba[p + 1] * 0.587 + rgba[p + 2] * 0.114 > 127);
  }
  return { width: picture.width, height: picture.height, data: mask };
}
