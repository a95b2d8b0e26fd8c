/** @file Tests of models by name: registering, files, URLs from a server on this machine, what is refused. */

import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Graph } from "../../graph/graph.js";
import { fromOnnx } from "../../nn/onnx.js";
import { ImageFeaturizer } from "./image-featurizer.js";
import { ImagePredictor } from "./image-predictor.js";
import { type ImageModel, registerModel } from "./models.js";
import { preprocessingGraph } from "./preprocess.js";

/** A network whose features are the 2 x 2 grey pixels, negated. */
const negative = new Graph({
  ...preprocessingGraph({ channels: "L", mean: [0], std: [1], layout: "NHWC" }),
  inputs: [{ name: "in", dtype: "float32", shape: ["n", 2, 2, 1] }],
  outputs: [{ name: "features", dtype: "float32", shape: ["n", 2, 2, 1] }],
  nodes: [{ opType: "Neg", domain: "", name: "", inputs: ["in"], outputs: ["features"], attrs: new Map() }],
  initializers: new Map(),
});
const bytes = negative.toBytes();
const sha256 = createHash("sha256").update(bytes).digest("hex");
const card = (more: Partial<ImageModel> = {}): ImageModel => ({
  name: "negative",
  model: "nowhere.onnx",
  size: [2, 2],
  channels: "L",
  layout: "NHWC",
  mean: [1],
  std: [2],
  features: { tensor: "features", length: 4 },
  ...more,
});
const columns = { inputCol: "image", outputCol: "features" };

let folder: string;
let png: Uint8Array;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-models-"));
  process.env.DEEPFRAME_CACHE = join(folder, "cache");
  png = await sharp(Buffer.from([1, 3, 5, 7]), { raw: { width: 2, height: 2, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
});
afterEach(async () => {
  delete process.env.DEEPFRAME_CACHE;
  await rm(folder, { recursive: true });
});

test("a model of one's own is fed as it says, and known by its name", async () => {
  const file = join(folder, "negative.onnx");
  await writeFile(file, bytes);
  registerModel(card({ model: file, sha256 }));
  const featurizer = new ImageFeaturizer({ ...columns, model: "negative" });
  const { features } = await featurizer.predictOne({ image: png });
  expect([...(features as Iterable<number>)]).toEqual([-0, -1, -2, -3]);

  registerModel(card({ model: file, sha256: "0".repeat(64) }));
  await writeFile(file, bytes); // a new file as far as anyone can tell
  await expect(new ImageFeaturizer({ ...columns, model: "negative" }).predictOne({ image: png })).rejects.toThrow(
    `negative: its model file has sha256 ${sha256}, expected ${"0".repeat(64)}; get the file again`,
  );
});

describe("a model on the web", () => {
  let server: Server;
  let requests = 0;
  beforeEach(async () => {
    requests = 0;
    server = createServer((_, response) => {
      requests++;
      response.end(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  test("is fetched once, and then goes along with the stage", async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/negative.onnx`;
    const stage = new ImageFeaturizer({ ...columns, model: card({ model: url, sha256 }) });
    expect(stage.toSpec().assets).toEqual([]);
    for (let i = 0; i < 2; i++) {
      const { features } = await stage.predictOne({ image: png });
      expect([...(features as Iterable<number>)]).toEqual([-0, -1, -2, -3]);
    }
    expect(requests).toBe(1);
    expect(await readFile(join(folder, "cache", sha256, "negative.onnx"))).toEqual(Buffer.from(bytes));
    expect(stage.toSpec().assets.map((asset) => asset.sha256)).toEqual([sha256]);
  });
});

describe("what is refused", () => {
  test("a name that nn.fromOnnx does not know, but nearly", async () => {
    await expect(fromOnnx("efficientnet-lite")).rejects.toThrow(
      'fromOnnx: there is no file "efficientnet-lite", and no registered model of that name; did you mean "efficientnet-lite0"?',
    );
  });

  test("a name that nobody registered", () => {
    expect(() => new ImageFeaturizer({ ...columns, model: "efficientnet-lite" })).toThrow(
      /^ImageFeaturizer: no model "efficientnet-lite" \(there are "efficientnet-lite0".*\); did you mean "efficientnet-lite0"\?$/,
    );
    expect(() => new ImageFeaturizer({ ...columns, model: 7 as unknown as string })).toThrow(
      'ImageFeaturizer: model must be one of "efficientnet-lite0", or an ImageModel, got 7',
    );
  });

  test.each<[Partial<ImageModel>, string]>([
    [{ name: "" }, "name must be a string"],
    [{ model: "https://example.org/a.onnx" }, 'sha256 of "negative" must be 64 hex digits, since its model is a URL'],
    [{ size: [2] as unknown as [number, number] }, 'size of "negative" must be [height, width]'],
    [{ mean: [1, 2, 3] }, 'mean of "negative" must be one number or one per channel, in a list'],
    [{ std: [0] }, 'std of "negative" must be one number or one per channel, none 0'],
    [{ features: undefined }, '"negative" must have features or scores'],
  ])("%j", (wrong, message) => {
    expect(() => registerModel(card(wrong))).toThrow(`registerModel: ${message}; see ImageModel for the fields`);
  });

  test("a task that the model's description does not allow", () => {
    expect(() => new ImagePredictor({ ...columns, model: card() })).toThrow(
      'ImagePredictor: model "negative" has no scores; set scores in its ImageModel',
    );
    const classifier = card({ features: undefined, scores: { tensor: "features", softmax: false } });
    expect(() => new ImageFeaturizer({ ...columns, model: classifier })).toThrow(
      'ImageFeaturizer: model "negative" names no features tensor; set features in its ImageModel',
    );
  });

  test("a model whose tensors are not as described", async () => {
    const file = join(folder, "negative.onnx");
    await writeFile(file, bytes);
    const wrong = card({ model: file, features: { tensor: "features", length: 5 } });
    await expect(new ImageFeaturizer({ ...columns, model: wrong }).predictOne({ image: png })).rejects.toThrow(
      'negative: expected 5 float32 numbers of "features" per picture, got 4 float32',
    );
    const missing = card({ model: join(folder, "gone.onnx") });
    await expect(new ImageFeaturizer({ ...columns, model: missing }).predictOne({ image: png })).rejects.toThrow(
      `readAsset: cannot read "${join(folder, "gone.onnx")}"`,
    );
  });
});
