/** @file Pixels: a decoded picture, and the few changes made to it before it becomes a tensor. */

import { internal } from "../../errors.js";

/** Rows of interleaved bytes: 1 channel is grey, 2 grey and alpha, 3 RGB, 4 RGBA (alpha not premultiplied). */
export interface Pixels {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 2 | 3 | 4;
}

/** Grey, red-green-blue or blue-green-red, the channel orders that networks are fed with. */
export type ChannelOrder = "L" | "RGB" | "BGR";

/** A colour on the 0..255 scale, red first. */
export type Color = readonly [red: number, green: number, blue: number];

export const white: Color = [255, 255, 255];

/**
 * The same picture in the channels asked for: transparency is composited on `background`, grey is repeated to three
 * channels, colour becomes grey by ITU-R 601 luma in Pillow's integers.
 */
export function toChannels(picture: Pixels, order: ChannelOrder, background: Color = white): Pixels {
  const flat = flatten(picture, background);
  if (order === "L") return flat.channels === 1 ? flat : toGrey(flat);
  const rgb = flat.channels === 1 ? repeatGrey(flat) : flat;
  return order === "RGB" ? rgb : swapRedBlue(rgb);
}

/** RGB to BGR or RGBA to BGRA, and back; grey pictures are returned as they are. */
export function swapRedBlue(picture: Pixels): Pixels {
  const { data, channels } = picture;
  if (channels < 3) return picture;
  const out = new Uint8Array(data);
  for (let i = 0; i < out.length; i += channels) {
    out[i] = data[i + 2]!;
    out[i + 2] = data[i]!;
  }
  return { ...picture, data: out };
}

/**
 * Turns a picture upright by its EXIF orientation (1..8); 1 and anything unknown leave it as it is.
 *
 * Every orientation reads the source along two steps, one per output column and one per output row.
 */
export function orient(picture: Pixels, orientation: number): Pixels {
  if (!(orientation >= 2 && orientation <= 8)) return picture;
  const { data, height, width, channels } = picture;
  const turned = orientation >= 5;
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  const along = fromRight ? -channels : channels;
  const down = (fromBottom ? -width : width) * channels;
  const start = (fromRight ? (width - 1) * channels : 0) + (fromBottom ? (height - 1) * width * channels : 0);
  const [columns, rows] = turned ? [height, width] : [width, height];
  const [stepX, stepY] = turned ? [down, along] : [along, down];
  const out = new Uint8Array(data.length);
  for (let y = 0, o = 0; y < rows; y++) {
    for (let x = 0, i = start + y * stepY; x < columns; x++, i += stepX) {
      for (let c = 0; c < channels; c++) out[o++] = data[i + c]!;
    }
  }
  return { data: out, height: rows, width: columns, channels };
}

/** Composites transparency on a colour: (c * a + background * (255 - a)) / 255, rounded. */
function flatten(picture: Pixels, background: Color): Pixels {
  const { data, height, width, channels } = picture;
  if (channels === 1 || channels === 3) return picture;
  const colors = channels - 1;
  // a grey picture on a colour that is not grey is composited on that colour's luma
  const behind = colors === 1 ? [luma(...background)] : background;
  const out = new Uint8Array(height * width * colors);
  for (let i = 0, o = 0; i < data.length; i += channels) {
    const alpha = data[i + colors]!;
    for (let c = 0; c < colors; c++, o++) {
      out[o] = alpha === 255 ? data[i + c]! : Math.round((data[i + c]! * alpha + behind[c]! * (255 - alpha)) / 255);
    }
  }
  return { data: out, height, width, channels: colors as 1 | 3 };
}

function toGrey({ data, height, width, channels }: Pixels): Pixels {
  if (channels !== 3) throw internal(`toGrey needs 3 channels, got ${channels}`);
  const out = new Uint8Array(height * width);
  for (let i = 0, o = 0; o < out.length; i += 3, o++) out[o] = luma(data[i]!, data[i + 1]!, data[i + 2]!);
  return { data: out, height, width, channels: 1 };
}

function repeatGrey({ data, height, width }: Pixels): Pixels {
  const out = new Uint8Array(data.length * 3);
  for (let i = 0, o = 0; i < data.length; i++, o += 3) out[o] = out[o + 1] = out[o + 2] = data[i]!;
  return { data: out, height, width, channels: 3 };
}

function luma(red: number, green: number, blue: number): number {
  return (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
}
