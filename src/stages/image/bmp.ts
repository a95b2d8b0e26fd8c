/** @file Reads BMP pictures, which sharp cannot: 1 to 32 bits per pixel, palettes, bit fields, run-length coding. */

import type { Pixels } from "./pixels.js";

/** Size and layout of a BMP, read from its headers. */
export interface BmpHeader {
  readonly height: number;
  readonly width: number;
  readonly topDown: boolean;
  readonly bits: number;
  /** 0 none, 1 RLE8, 2 RLE4, 3 bit fields, 6 bit fields with alpha. */
  readonly compression: number;
  readonly pixelsAt: number;
  /** Palette entries as RGB; empty where pixels hold colours. */
  readonly palette: Uint8Array;
  /** Bit masks of red, green, blue and alpha for 16 and 32 bits. */
  readonly masks: readonly number[];
}

/** @throws Error with the reason, where the headers are not those of a BMP that can be read. */
export function bmpHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getUint32(14, true);
  const core = size === 12; // OS/2's short header
  if (!core && size < 40) throw new Error(`unknown header of ${size} bytes`);
  const width = core ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = core ? view.getInt16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(core ? 24 : 28, true);
  const compression = core ? 0 : view.getUint32(30, true);
  if (width <= 0 || signedHeight === 0) throw new Error(`size ${width} x ${signedHeight}`);
  const known = ({ 0: [1, 4, 8, 16, 24, 32], 1: [8], 2: [4], 3: [16, 32], 6: [16, 32] } as Record<number, number[]>)[
    compression
  ];
  if (!known?.includes(bits)) throw new Error(`${bits} bits per pixel with compression ${compression}`);
  const fields = compression === 3 || compression === 6;
  const standard = bits === 16 ? [0x7c00, 0x3e0, 0x1f, 0] : [0xff0000, 0xff00, 0xff, 0];
  const stored = compression === 6 || size >= 56 ? 4 : 3;
  const masks = standard.map((mask, i) => (!fields ? mask : i < stored ? view.getUint32(54 + 4 * i, true) : 0));
  return {
    width,
    height: Math.abs(signedHeight),
    topDown: signedHeight < 0,
    bits,
    compression,
    pixelsAt: view.getUint32(10, true),
    palette: bits <= 8 ? readPalette(bytes, 14 + size, core ? 3 : 4, bits, core ? 0 : view.getUint32(46, true)) : none,
    masks,
  };
}

const none = new Uint8Array(0);

/** @throws Error with the reason, where pixels are missing. */
export function decodeBmp(bytes: Uint8Array, header: BmpHeader = bmpHeader(bytes)): Pixels {
  const { bits, compression } = header;
  if (bits > 8) return readColors(bytes, header);
  const indices = compression === 0 ? readIndices(bytes, header) : readRuns(bytes, header);
  return applyPalette(indices, header);
}

function readPalette(bytes: Uint8Array, at: number, stride: number, bits: number, used: number): Uint8Array {
  const colors = used > 0 ? Math.min(used, 1 << bits) : 1 << bits;
  const palette = new Uint8Array(3 << bits); // indices past the stored colours are black
  for (let i = 0; i < colors; i++) {
    for (let c = 0; c < 3; c++) palette[3 * i + c] = bytes[at + stride * i + 2 - c] ?? 0;
  }
  return palette;
}

/** Start of a row in the file, counted from the picture's top; rows are padded to 4 bytes and usually bottom-up. */
function rowStart(bytes: Uint8Array, { width, height, bits, topDown, pixelsAt }: BmpHeader, row: number): number {
  const stride = Math.ceil((width * bits) / 32) * 4;
  const at = pixelsAt + stride * (topDown ? row : height - 1 - row);
  const needed = Math.ceil((width * bits) / 8);
  if (at + needed > bytes.length) throw new Error(`pixels end at byte ${bytes.length} of ${at + needed}`);
  return at;
}

function readIndices(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const { width, height, bits } = header;
  const out = new Uint8Array(height * width);
  const perByte = 8 / bits;
  for (let y = 0, o = 0; y < height; y++) {
    const at = rowStart(bytes, header, y);
    for (let x = 0; x < width; x++, o++) {
      const shift = 8 - bits * ((x % perByte) + 1);
      out[o] = (bytes[at + Math.floor(x / perByte)]! >> shift) & ((1 << bits) - 1);
    }
  }
  return out;
}

/** RLE8 and RLE4: pairs of (count, value); count 0 escapes to end of line, end of picture, a jump, or plain values. */
function readRuns(bytes: Uint8Array, { width, height, bits, topDown, pixelsAt }: BmpHeader): Uint8Array {
  const out = new Uint8Array(height * width);
  let [x, y] = [0, 0];
  const put = (index: number) => {
    if (x < width && y < height) out[(topDown ? y : height - 1 - y) * width + x] = index;
    x++;
  };
  const half = (byte: number, i: number) => (bits === 8 ? byte : i % 2 === 0 ? byte >> 4 : byte & 15);
  for (let at = pixelsAt; y < height; ) {
    if (at + 2 > bytes.length) throw new Error(`runs end at byte ${bytes.length} in row ${y} of ${height}`);
    const [count, value] = [bytes[at]!, bytes[at + 1]!];
    at += 2;
    if (count > 0) {
      for (let i = 0; i < count; i++) put(half(value, i));
    } else if (value === 0) {
      [x, y] = [0, y + 1];
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      x += bytes[at] ?? 0;
      y += bytes[at + 1] ?? 0;
      at += 2;
    } else {
      const length = bits === 8 ? value : Math.ceil(value / 2);
      for (let i = 0; i < value; i++) put(half(bytes[at + (bits === 8 ? i : i >> 1)] ?? 0, i));
      at += length + (length % 2);
    }
  }
  return out;
}

function applyPalette(indices: Uint8Array, { height, width, palette }: BmpHeader): Pixels {
  const isGrey = palette.every((value, i) => value === palette[i - (i % 3)]);
  const channels = isGrey ? 1 : 3;
  const out = new Uint8Array(indices.length * channels);
  for (let i = 0, o = 0; i < indices.length; i++) {
    for (let c = 0; c < channels; c++) out[o++] = palette[3 * indices[i]! + c]!;
  }
  return { data: out, height, width, channels };
}

function readColors(bytes: Uint8Array, header: BmpHeader): Pixels {
  const { width, height, bits, masks } = header;
  const channels = masks[3] ? 4 : 3;
  const out = new Uint8Array(height * width * channels);
  const fields = masks.slice(0, channels).map(bitField);
  for (let y = 0, o = 0; y < height; y++) {
    let at = rowStart(bytes, header, y);
    for (let x = 0; x < width; x++, at += bits / 8) {
      if (bits === 24) {
        out[o++] = bytes[at + 2]!;
        out[o++] = bytes[at + 1]!;
        out[o++] = bytes[at]!;
        continue;
      }
      let pixel = bytes[at]! | (bytes[at + 1]! << 8);
      if (bits === 32) pixel |= (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      for (const { mask, shift, max } of fields) {
        out[o++] = max === 255 ? (pixel & mask) >>> shift : Math.round((((pixel & mask) >>> shift) * 255) / max);
      }
    }
  }
  return { data: out, height, width, channels };
}

function bitField(mask: number): { mask: number; shift: number; max: number } {
  if (mask === 0) return { mask, shift: 0, max: 1 };
  const shift = 31 - Math.clz32(mask & -mask);
  return { mask, shift, max: mask >>> shift };
}
