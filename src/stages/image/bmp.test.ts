/** @file Tests of the BMP reader on pictures written here, byte by byte. */

import { expect, test } from "vitest";
import { decodeBmp } from "./bmp.js";
import { decodeImage } from "./decode.js";

interface Bmp {
  width: number;
  height: number;
  bits: number;
  compression?: number;
  palette?: number[][];
  masks?: number[];
  pixels: number[];
}

/** Palette entries and 24-bit pixels are written blue first. */
function bmp({ width, height, bits, compression = 0, palette = [], masks = [], pixels }: Bmp): Buffer {
  const header = Buffer.alloc(54);
  header.write("BM");
  header.writeUInt32LE(54 + 4 * masks.length + 4 * palette.length, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(width, 18);
  header.writeInt32LE(height, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(bits, 28);
  header.writeUInt32LE(compression, 30);
  header.writeUInt32LE(palette.length, 46);
  const fields = Buffer.alloc(4 * masks.length);
  for (const [i, mask] of masks.entries()) fields.writeUInt32LE(mask, 4 * i);
  return Buffer.concat([
    header,
    fields,
    Buffer.from(palette.flatMap((rgb) => [...rgb.toReversed(), 0])),
    Buffer.from(pixels),
  ]);
}

const twoColors = [
  [255, 0, 0],
  [0, 0, 255],
];
const [R, B] = twoColors as [number[], number[]];

test.each<[string, Bmp, number[][]]>([
  [
    "1 bit",
    { width: 3, height: 2, bits: 1, palette: twoColors, pixels: [0b10100000, 0, 0, 0, 0b01000000, 0, 0, 0] },
    [R, B, R, B, R, B],
  ],
  ["4 bits", { width: 3, height: 1, bits: 4, palette: twoColors, pixels: [0x01, 0x10, 0, 0] }, [R, B, B]],
  ["8 bits", { width: 2, height: 1, bits: 8, palette: twoColors, pixels: [1, 0, 0, 0] }, [B, R]],
  [
    "8 bits, rows from the top",
    { width: 1, height: -2, bits: 8, palette: twoColors, pixels: [1, 0, 0, 0, 0, 0, 0, 0] },
    [B, R],
  ],
  ["16 bits", { width: 2, height: 1, bits: 16, pixels: [0x00, 0x7c, 0x1f, 0x00] }, [R, B]],
  [
    "16 bits with fields 5-6-5",
    { width: 2, height: 1, bits: 16, compression: 3, masks: [0xf800, 0x7e0, 0x1f], pixels: [0xe0, 0x07, 0x1f, 0] },
    [[0, 255, 0], B],
  ],
  [
    "24 bits",
    { width: 1, height: 2, bits: 24, pixels: [1, 2, 3, 0, 4, 5, 6, 0] },
    [
      [6, 5, 4],
      [3, 2, 1],
    ],
  ],
  ["32 bits", { width: 1, height: 1, bits: 32, pixels: [1, 2, 3, 77] }, [[3, 2, 1]]],
  [
    "32 bits with alpha",
    {
      width: 1,
      height: 1,
      bits: 32,
      compression: 6,
      masks: [0xff, 0xff00, 0xff0000, 0xff000000],
      pixels: [1, 2, 3, 77],
    },
    [[1, 2, 3, 77]],
  ],
  [
    "RLE8",
    {
      width: 4,
      height: 2,
      bits: 8,
      compression: 1,
      palette: twoColors,
      pixels: [3, 1, 1, 0, 0, 0, 0, 3, 1, 0, 1, 0, 1, 1, 0, 1],
    },
    [B, R, B, B, B, B, B, R],
  ],
  [
    "RLE8 with a jump",
    { width: 3, height: 2, bits: 8, compression: 1, palette: twoColors, pixels: [0, 2, 1, 1, 2, 1, 0, 1] },
    [R, B, B, R, R, R],
  ],
  [
    "RLE4",
    { width: 4, height: 1, bits: 4, compression: 2, palette: twoColors, pixels: [3, 0x10, 1, 0x00, 0, 1] },
    [B, R, B, R],
  ],
])("reads %s", async (_, file, expected) => {
  const { data, channels, height, width } = await decodeImage(bmp(file));
  expect([height, width, channels]).toEqual([Math.abs(file.height), file.width, expected[0]!.length]);
  expect([...data]).toEqual(expected.flat());
});

test("a grey palette gives one channel", () => {
  const { data, channels } = decodeBmp(
    bmp({
      width: 2,
      height: 1,
      bits: 8,
      palette: [
        [9, 9, 9],
        [80, 80, 80],
      ],
      pixels: [1, 0, 0, 0],
    }),
  );
  expect([channels, [...data]]).toEqual([1, [80, 9]]);
});

test("missing pixels and unknown layouts are refused", async () => {
  const whole = bmp({ width: 2, height: 2, bits: 24, pixels: [1, 2, 3, 4, 5, 6, 0, 0] });
  await expect(decodeImage(whole)).rejects.toThrow(
    "decodeImage: this BMP of 62 bytes is truncated or corrupt (pixels end at byte 62 of 68)",
  );
  const odd = bmp({ width: 1, height: 1, bits: 24, compression: 4, pixels: [] });
  await expect(decodeImage(odd)).rejects.toThrow("(24 bits per pixel with compression 4)");
  const bomb = bmp({ width: 100_000, height: 100_000, bits: 1, palette: twoColors, pixels: [] });
  await expect(decodeImage(bomb)).rejects.toThrow("this BMP has 100000 x 100000 = 10000000000 pixels");
});
