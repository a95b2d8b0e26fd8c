/** @file Tests of the stages on pictures, without an engine: tensors, predictions, bad pictures, image structs. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StageSpec } from "../../data/batch-stage.js";
import { inferSchema, rowsToBatch } from "../../data/rows.js";
import { Schema } from "../../data/schema.js";
import { load } from "../../pipeline/load.js";
import type { StageContext, Transformer } from "../../pipeline/stage.js";
import "../index.js";
import { runOnnx } from "../../../test/run-onnx.js";
import { Tensor } from "../../tensor/tensor.js";
import { decodeImage } from "./decode.js";
import { ImageDecoder } from "./image-decoder.js";
import { ImageFeaturizer } from "./image-featurizer.js";
import { networkGraph } from "./image-network.js";
import { ImagePredictor } from "./image-predictor.js";
import { ImageTransformer } from "./image-transformer.js";
import { findModel, type ImageModel, loadModel } from "./models.js";

/** 3 wide, 2 high; red grows to the right, green downward. */
const rows = Array.from({ length: 6 }, (_, i) => [40 * (i % 3), 100 * Math.floor(i / 3), 7]);
const encode = (channels: 3 | 4 = 3) =>
  sharp(Buffer.from(rows.flatMap((rgb) => (channels === 3 ? rgb : [...rgb, 255]))), {
    raw: { width: 3, height: 2, channels },
  });
let png: Uint8Array;
let jpeg: Uint8Array;

beforeAll(async () => {
  png = await encode().png().toBuffer();
  const noise = Buffer.from(Array.from({ length: 60 * 80 * 3 }, (_, i) => (i * i * 7 + i) % 256));
  jpeg = await sharp(noise, { raw: { width: 80, height: 60, channels: 3 } })
    .jpeg()
    .toBuffer();
});

const columns = { inputCol: "image", outputCol: "out" };
const tensorOf = (row: Record<string, unknown>) => [...(row.out as Iterable<number>)];

describe("ImageDecoder", () => {
  const stage = new ImageDecoder(columns);

  test("gives Spark's image struct, blue first", async () => {
    expect(await stage.predictOne({ image: png, path: "a/b.png" })).toMatchObject({
      out: {
        origin: "a/b.png",
        height: 2,
        width: 3,
        nChannels: 3,
        mode: 16,
        data: Uint8Array.from(rows.flatMap(([r, g, b]) => [b!, g!, r!])),
      },
    });
    const rgba = (await stage.predictOne({ image: await encode(4).png().toBuffer() })) as { out: { mode: number } };
    expect(rgba.out).toMatchObject({ origin: "", nChannels: 4, mode: 24 });
    const grey = await stage.predictOne({ image: await encode().toColourspace("b-w").png().toBuffer() });
    expect(grey.out).toMatchObject({ nChannels: 1, mode: 0 });
  });

  test("what it gives, other stages take as the picture itself", async () => {
    const transformer = new ImageTransformer({ inputCol: "image", outputCol: "x", resize: [2, 3] });
    const struct = (await stage.predictOne({ image: png })).out;
    const fromStruct = await transformer.predictOne({ image: struct });
    expect(fromStruct.x).toEqual((await transformer.predictOne({ image: png })).x);
    await expect(transformer.predictOne({ image: { ...(struct as object), mode: 21 } })).rejects.toThrow(
      'ImageTransformer: cannot use the picture in column "image" of row 0 of its batch: image: expected 8 bits per ' +
        'channel (mode 0, 16 or 24 with 1, 3 or 4 channels), got mode 21 with 3; set onError: "null" to go on',
    );
  });
});

describe("ImageTransformer", () => {
  test("gives a tensor of the size, layout and channels asked for", async () => {
    const nhwc = new ImageTransformer({ ...columns, resize: [2, 3], layout: "NHWC", mean: [7], std: [2] });
    expect(tensorOf(await nhwc.predictOne({ image: png }))).toEqual(rows.flat().map((x) => (x - 7) / 2));
    expect(String(nhwc.transformSchema(Schema.of({ image: "binary" })))).toContain("out: float[2,3,3]");
    const bgr = new ImageTransformer({ ...columns, centerCrop: [2, 1], channels: "BGR" });
    expect(tensorOf(await bgr.predictOne({ image: png }))).toEqual([7, 7, 0, 100, 40, 40]);
    const grey = new ImageTransformer({ ...columns, resize: [2, 3], channels: "L" });
    expect(tensorOf(await grey.predictOne({ image: png })).slice(0, 2)).toEqual([1, 13]);
  });

  test("with one number for a size, the picture keeps its shape", async () => {
    const stage = new ImageTransformer({ ...columns, resize: 45, centerCrop: [45, 40] });
    const stretched = new ImageTransformer({ ...columns, resize: [45, 60], centerCrop: [45, 40] });
    expect(await stage.predictOne({ image: jpeg })).toEqual(await stretched.predictOne({ image: jpeg }));
    const tall = await sharp(jpeg).rotate(90).png().toBuffer();
    const wide = new ImageTransformer({ ...columns, resize: [60, 45], randomCrop: [45, 45], seed: 3 });
    const kept = new ImageTransformer({ ...columns, resize: 45, randomCrop: [45, 45], seed: 3 });
    expect(await kept.predictOne({ image: tall })).toEqual(await wide.predictOne({ image: tall }));
    expect(() => new ImageTransformer({ ...columns, resize: 45 })).toThrow(
      "ImageTransformer: the tensor needs a size: set centerCrop or randomCrop beside resize: 45, which keeps the picture's shape",
    );
    expect(() => new ImageTransformer({ ...columns, resize: 45, centerCrop: [45, 46] })).toThrow(
      "ImageTransformer: a crop must not be larger than what it is taken from; change resize or the crop",
    );
  });

  test("random changes follow the seed and the picture, not the batch", async () => {
    const random = {
      ...columns,
      resize: [40, 50],
      randomCrop: [20, 20],
      flip: true,
      colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4 },
    } as const;
    const stage = new ImageTransformer({ ...random, seed: 1 });
    const alone = await stage.predictOne({ image: jpeg });
    const among = await stage.predictMany([{ image: png }, { image: jpeg }, { image: jpeg }]);
    expect(among[1]!.out).toEqual(alone.out);
    expect(among[2]!.out).toEqual(alone.out);
    const others = await Promise.all(
      [2, 3, 4].map(async (seed) => tensorOf(await stage.with({ seed }).predictOne({ image: jpeg }))),
    );
    expect(new Set(others.map(String)).size).toBe(3);
    for (const values of others) expect(values.every((x) => x >= 0 && x <= 255)).toBe(true);
  });

  test("crops at random reach every place, and half the pictures are mirrored", async () => {
    const seen = new Map<string, number>();
    const stage = new ImageTransformer({ ...columns, randomCrop: [1, 2], flip: true, layout: "NHWC" });
    for (let seed = 0; seed < 64; seed++) {
      const [r0, g, , r1] = tensorOf(await stage.with({ seed }).predictOne({ image: png }));
      seen.set(`${r0},${r1},${g}`, (seen.get(`${r0},${r1},${g}`) ?? 0) + 1);
    }
    // 2 rows, 2 places in each, both ways round
    expect([...seen.keys()].sort()).toEqual(
      ["0,40,0", "0,40,100", "40,0,0", "40,0,100", "40,80,0", "40,80,100", "80,40,0", "80,40,100"].sort(),
    );
  });

  test("sizes and lists that do not fit are refused at once", () => {
    expect(() => new ImageTransformer(columns)).toThrow(
      "ImageTransformer: the tensor needs a size: set resize, centerCrop or randomCrop to [height, width]",
    );
    expect(() => new ImageTransformer({ ...columns, resize: [5, 5], centerCrop: [6, 2] })).toThrow(
      "ImageTransformer: a crop must not be larger than what it is taken from; change resize or the crop",
    );
    expect(() => new ImageTransformer({ ...columns, resize: [5, 5], mean: [1, 2] })).toThrow(
      'ImageTransformer: mean must have 1 number or 3 (channels "RGB"), got 2',
    );
    expect(() => new ImageTransformer({ ...columns, resize: [0, 5] })).toThrow(
      "ImageTransformer: resize must be [height, width] or one number, whole numbers of at least 1, got [0,5]",
    );
  });

  test("a picture smaller than its crop is a bad picture", async () => {
    const stage = new ImageTransformer({ ...columns, centerCrop: [2, 4], onError: "null" });
    expect(await stage.predictOne({ image: png })).toMatchObject({
      out: null,
      out_error: "ImageTransformer: its 2 x 3 pixels are fewer than the crop of 2 x 4; set resize",
    });
  });
});

test("ImageFeaturizer gives what its whole graph gives, resizing included", async () => {
  const model = findModel("efficientnet-lite0", "test") as ImageModel;
  const graph = networkGraph(model, (await loadModel(model)).bytes, "features");
  const { data, height, width } = await decodeImage(jpeg);
  const { features } = await runOnnx(graph, { image: new Tensor("uint8", data, [1, height, width, 3]) });
  const found = tensorOf(await new ImageFeaturizer(columns).predictOne({ image: jpeg }));
  expect(found.length).toBe(1280);
  // the same bytes reach the same kernels; threads may split sums otherwise
  const differences = found.map((value, i) => Math.abs(value - (features!.data[i] as number)));
  expect(Math.max(...differences)).toBeLessThan(1e-5);
});

describe("pictures that cannot be used", () => {
  const stages: Transformer[] = [
    new ImageDecoder(columns),
    new ImageTransformer({ ...columns, resize: [4, 4] }),
    new ImageFeaturizer(columns),
    new ImagePredictor(columns),
  ];

  test.each(stages.map((stage) => [stage.name, stage] as const))(
    "fail %s, which names the row",
    async (name, stage) => {
      const text = new TextEncoder().encode("no picture");
      await expect(
        stage.predictMany([
          { path: "a.png", image: png },
          { path: "b.txt", image: text },
        ]),
      ).rejects.toThrow(
        `${name}: cannot use the picture in column "image" of "b.txt": expected a JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF ` +
          'picture, got 10 bytes that begin with 6e 6f 20 70 69 63 74 75 ("no pictu"); ' +
          'set onError: "null" to go on without such pictures',
      );
      await expect(stage.predictOne({ image: text })).rejects.toThrow("of row 0 of its batch: expected a JPEG");
      expect(() => stage.transformSchema(Schema.of({ image: "string" }))).toThrow(
        `${name}: column "image" must hold pictures (binary, or Spark's image struct), but is string; ` +
          "read files with session.read.images() or binaryFiles()",
      );
    },
  );

  test.each(stages.map((stage) => [stage.name, stage] as const))(
    "become null with their reason in %s",
    async (_, stage) => {
      const warnings: string[] = [];
      const context: StageContext = { warn: (message) => warnings.push(message) };
      const tolerant = stage.with({ onError: "null" } as object) as Transformer;
      const given = [{ image: png }, { image: png.subarray(0, 40) }, { image: null }, { image: png }];
      const schema = inferSchema(given, "test");
      const apply = await tolerant.open(schema, context);
      const batch = await apply(rowsToBatch(given, schema, "test"));
      const out = [...batch.getChild("out")!];
      expect(out.map((value) => value === null)).toEqual([false, true, true, false]);
      expect([...batch.getChild("out_error")!].map((error) => error === null)).toEqual([true, false, true, true]);
      expect(String(batch.getChild("out_error")!.get(1))).toMatch(/^this PNG of 40 bytes is truncated or corrupt/);
      expect(warnings).toEqual(['1 of 4 pictures could not be used; see column "out_error"']);
      expect(tolerant.transformSchema(schema).names).toEqual(["image", "out", "out_error"]);
    },
  );

  test("are those past maxPixels, too", async () => {
    await expect(new ImageFeaturizer({ ...columns, maxPixels: 5 }).predictOne({ image: png })).rejects.toThrow(
      "this PNG has 3 x 2 = 6 pixels, expected at most 5",
    );
  });
});

describe("a saved stage", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "deepframe-image-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("carries its network, labels and settings", async () => {
    const stage = new ImagePredictor({ ...columns, topK: 3 });
    await stage.save(join(folder, "p"));
    const again = (await load(join(folder, "p"))) as Transformer;
    expect(await again.predictOne({ image: jpeg })).toEqual(await stage.predictOne({ image: jpeg }));
    const summary = ({ type, params, assets }: StageSpec) => [type, params, assets.map(({ sha256 }) => sha256)];
    expect(summary(again.toSpec())).toEqual(summary(stage.toSpec()));
    expect(stage.toSpec().assets.map(({ bytes }) => bytes.length)).toEqual([9_295_404]);
  });
});
