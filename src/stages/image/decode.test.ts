/** @file Tests of decoding: formats, channels, depths, orientation, limits, broken files. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { sharedData } from "../../../test/shared-data.js";
import { decodeImage } from "./decode.js";
import { orient, type Pixels, toChannels } from "./pixels.js";

/** Four quadrants, 16 x 8: red, green, blue, grey; large enough that JPEG keeps the colours of their middles. */
const colors = [
  [250, 10, 10],
  [10, 250, 10],
  [10, 10, 250],
  [128, 128, 128],
] as const;
const quadrants = Buffer.from(
  Array.from({ length: 32 * 16 }, (_, i) => colors[(i % 32 < 16 ? 0 : 1) + (i < 32 * 8 ? 0 : 2)]!).flat(),
);
const picture = () => sharp(quadrants, { raw: { width: 32, height: 16, channels: 3 } });

function at({ data, width, channels }: Pixels, y: number, x: number): number[] {
  return [...data.subarray((y * width + x) * channels, (y * width + x + 1) * channels)];
}

function shapeOf({ height, width, channels }: Pixels): number[] {
  return [height, width, channels];
}

describe("decodeImage", () => {
  test.each([
    ["PNG", () => picture().png(), 0],
    ["PNG with a palette", () => picture().png({ palette: true }), 2],
    ["PNG of 16 bits", () => picture().toColourspace("rgb16").png(), 0],
    ["WebP", () => picture().webp({ lossless: true }), 0],
    ["TIFF", () => picture().tiff({ compression: "lzw" }), 0],
    ["TIFF of 16 bits", () => picture().toColourspace("rgb16").tiff({ compression: "none" }), 0],
    ["AVIF", () => picture().avif({ quality: 90 }), 12],
    ["JPEG", () => picture().jpeg({ quality: 95 }), 6],
    ["progressive JPEG", () => picture().jpeg({ quality: 95, progressive: true }), 6],
  ])("reads %s", async (_, encode, tolerance) => {
    const decoded = await decodeImage(await encode().toBuffer());
    expect(shapeOf(decoded)).toEqual([16, 32, 3]);
    for (const [i, [y, x]] of [
      [3, 5],
      [3, 25],
      [12, 5],
      [12, 25],
    ].entries()) {
      const differences = at(decoded, y!, x!).map((value, c) => Math.abs(value - colors[i]![c]!));
      expect(Math.max(...differences)).toBeLessThanOrEqual(tolerance);
    }
  });

  test("reads the first frame of a GIF, whose colours are those of its palette", async () => {
    const decoded = toChannels(await decodeImage(await picture().gif().toBuffer()), "RGB");
    expect([shapeOf(decoded), at(decoded, 12, 25)]).toEqual([
      [16, 32, 3],
      [128, 128, 128],
    ]);
  });

  test("keeps grey at one channel and transparency as alpha", async () => {
    const grey = picture().toColourspace("b-w");
    expect(shapeOf(await decodeImage(await grey.clone().png().toBuffer()))).toEqual([16, 32, 1]);
    expect(shapeOf(await decodeImage(await grey.clone().jpeg().toBuffer()))).toEqual([16, 32, 1]);
    const greyAlpha = await decodeImage(await grey.clone().ensureAlpha(0.5).png().toBuffer());
    expect([shapeOf(greyAlpha), at(greyAlpha, 12, 25)]).toEqual([
      [16, 32, 2],
      [128, 127],
    ]);
    const rgba = await decodeImage(await picture().ensureAlpha(0.5).webp({ lossless: true }).toBuffer());
    expect([shapeOf(rgba), at(rgba, 3, 5)]).toEqual([
      [16, 32, 4],
      [250, 10, 10, 127],
    ]);
    const grey16 = await decodeImage(await picture().toColourspace("grey16").png().toBuffer());
    expect([shapeOf(grey16), at(grey16, 12, 25)]).toEqual([[16, 32, 1], [128]]);
  });

  test("gives the exact pixels of a JPEG, not those of the fast inverse DCT", async () => {
    const noise = Buffer.from(Array.from({ length: 50 * 70 * 3 }, (_, i) => (i * i * 31) % 253));
    for (const chromaSubsampling of ["4:2:0", "4:4:4"]) {
      const bytes = await sharp(noise, { raw: { width: 70, height: 50, channels: 3 } })
        .jpeg({ chromaSubsampling })
        .toBuffer();
      const exact = await sharp(bytes).raw().toBuffer();
      expect(Buffer.compare((await decodeImage(bytes)).data, exact)).toBe(0);
    }
  });

  test("turns CMYK into RGB", async () => {
    const decoded = await decodeImage(await picture().toColourspace("cmyk").jpeg({ quality: 95 }).toBuffer());
    expect(shapeOf(decoded)).toEqual([16, 32, 3]);
    // an Adobe CMYK file holds inverted inks: read without turning them, red would come out as dark cyan
    const [red, green, blue] = at(decoded, 3, 5);
    expect(red! > 200 && green! < 60 && blue! < 60).toBe(true);
  });

  test.each(["jpeg", "png", "webp", "tiff"] as const)("turns %s upright by its EXIF orientation", async (format) => {
    for (let orientation = 1; orientation <= 8; orientation++) {
      const bytes = await picture().withMetadata({ orientation }).toFormat(format, { quality: 95 }).toBuffer();
      const decoded = await decodeImage(bytes);
      const expected = orient({ data: quadrants, height: 16, width: 32, channels: 3 }, orientation);
      expect(shapeOf(decoded)).toEqual(shapeOf(expected));
      for (const [y, x] of [
        [3, 4],
        [decoded.height - 4, 4],
        [3, decoded.width - 5],
      ] as const) {
        const differences = at(decoded, y, x).map((value, c) => Math.abs(value - at(expected, y, x)[c]!));
        expect(Math.max(...differences)).toBeLessThan(40); // lossy, but no other quadrant's colour
      }
    }
  });

  test("refuses more pixels than allowed, by the header alone", async () => {
    const png = await picture().png().toBuffer();
    png.writeUInt32BE(60_000, 16);
    png.writeUInt32BE(50_000, 20);
    png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
    await expect(decodeImage(png)).rejects.toThrow(
      "decodeImage: this PNG has 60000 x 50000 = 3000000000 pixels, expected at most 100000000; " +
        "shrink it, or raise maxPixels",
    );
    for (const [name, bytes] of [
      ["PNG", await picture().png().toBuffer()],
      ["JPEG", await picture().jpeg().toBuffer()],
      ["GIF", await picture().gif().toBuffer()],
    ] as const) {
      await expect(decodeImage(bytes, 500)).rejects.toThrow(
        `decodeImage: this ${name} has 32 x 16 = 512 pixels, expected at most 500; shrink it, or raise maxPixels`,
      );
    }
  });

  test("says what bytes that are no picture begin with", async () => {
    await expect(decodeImage(new Uint8Array(0))).rejects.toThrow(
      "decodeImage: expected a JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF picture, got 0 bytes; is the file empty?",
    );
    await expect(decodeImage(Buffer.from("<html>\n</html>"))).rejects.toThrow(
      "decodeImage: expected a JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF picture, " +
        'got 14 bytes that begin with 3c 68 74 6d 6c 3e 0a 3c ("<html>.<")',
    );
  });

  test.each(["jpeg", "png", "webp", "gif", "tiff", "avif"] as const)("refuses a truncated %s", async (format) => {
    const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31) % 253));
    const bytes = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .toFormat(format)
      .toBuffer();
    for (const keep of [0.7, 0.3, 0.02]) {
      const cut = bytes.subarray(0, Math.ceil(bytes.length * keep));
      await expect(decodeImage(cut)).rejects.toThrow(/decodeImage: (this .* is truncated or corrupt|expected a JPEG)/);
    }
  });

  test("says how a truncated JPEG is broken", async () => {
    const bytes = await picture().jpeg().toBuffer();
    await expect(decodeImage(bytes.subarray(0, bytes.length - 40))).rejects.toThrow(
      `decodeImage: this JPEG of ${bytes.length - 40} bytes is truncated or corrupt (premature end of JPEG image)`,
    );
    await expect(decodeImage(bytes.subarray(0, 30))).rejects.toThrow(
      "decodeImage: this JPEG of 30 bytes is truncated or corrupt (it ends before its frame header)",
    );
  });
});

for (const name of ["photos", "photos_sparkdl", "flowers"]) {
  const folder = sharedData(name);
  test.skipIf(folder === undefined)(`reads every picture of the shared ${name}`, async () => {
    const files = readdirSync(folder!, { recursive: true, encoding: "utf8" }).filter((f) => /\.(jpg|png|bmp)$/.test(f));
    for (const file of files) {
      const decoded = await decodeImage(readFileSync(join(folder!, file)));
      expect(decoded.data.length).toBe(decoded.height * decoded.width * decoded.channels);
      expect(decoded.channels).toBe(file.includes("1_channels") ? 1 : file.includes("4_channels") ? 4 : 3);
    }
  });
}
