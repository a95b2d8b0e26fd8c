/** @file Pictures from files to predictions, on every engine. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ImageDecoder } from "../../src/stages/image/image-decoder.js";
import { ImageFeaturizer } from "../../src/stages/image/image-featurizer.js";
import { ImageTransformer } from "../../src/stages/image/image-transformer.js";
import { engines } from "../engines.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-pictures-"));
  for (const label of ["a", "b"]) await mkdir(join(folder, "good", label), { recursive: true });
  await mkdir(join(folder, "bad"));
  for (let i = 0; i < 40; i++) {
    const pixels = Buffer.from(Array.from({ length: 30 * 40 * 3 }, (_, k) => (k * (i + 3)) % 256));
    const picture = sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } });
    await picture.toFormat(i % 3 === 0 ? "png" : "jpeg").toFile(join(folder, "good", i % 2 ? "a" : "b", `${i}.jpg`));
  }
  await writeFile(join(folder, "bad", "broken.jpg"), "no picture");
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(engines)("pictures on $name", ({ session }) => {
  const featurizer = new ImageFeaturizer({ inputCol: "image", outputCol: "features" });

  test("give what predictOne gives, in tasks of any size", async () => {
    const photos = (await session()).read.images(join(folder, "good"), { labelFromFolder: "label" });
    const rows = await featurizer.transform(photos).collect();
    expect([rows.length, Object.keys(rows[0]!)]).toEqual([40, ["path", "image", "label", "features"]]);
    const alone = await featurizer.predictOne({ image: rows[17]!.image });
    const [all, one] = [rows[17]!.features, alone.features].map((values) => [...(values as Iterable<number>)]);
    expect(Math.max(...all!.map((value, i) => Math.abs(value - one![i]!)))).toBeLessThan(1e-5);
  });

  test("go through the image struct unchanged", async () => {
    const photos = (await session()).read.images(join(folder, "good"));
    const decoder = new ImageDecoder({ inputCol: "image", outputCol: "decoded" });
    const settings = { resize: [8, 8], randomCrop: [6, 6], flip: true } as const;
    const direct = new ImageTransformer({ ...settings, inputCol: "image", outputCol: "x" });
    const decoded = decoder.transform(photos);
    expect(await decoded.filter("decoded.mode = 16 AND decoded.width = 40").count()).toBe(40);
    const whole = { resize: [8, 8], inputCol: "decoded", outputCol: "y" } as const;
    const both = new ImageTransformer(whole).transform(
      direct.with({ randomCrop: undefined, flip: false }).transform(decoded),
    );
    for (const { x, y } of await both.select("x", "y").collect()) expect(x).toEqual(y);
  });

  test("that are broken end the job with their path, or are null with the reason", async () => {
    const path = join(folder, "bad", "broken.jpg");
    const photos = (await session()).read.images([join(folder, "good"), join(folder, "bad")]);
    await expect(featurizer.transform(photos).collect()).rejects.toThrow(
      `ImageFeaturizer: cannot use the picture in column "image" of ${JSON.stringify(path)}: expected a JPEG`,
    );
    const tolerant = featurizer.with({ onError: "null" }).transform(photos);
    const broken = await tolerant.filter("features IS NULL").select("path", "features_error").collect();
    expect(broken.length).toBe(1);
    expect(String(broken[0]!.features_error)).toMatch(
      /^expected a JPEG, PNG, .* got 10 bytes that begin with 6e 6f 20/,
    );
    expect(await tolerant.filter("features_error IS NULL").count()).toBe(40);
  });
});
