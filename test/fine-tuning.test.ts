/** @file EfficientNet-Lite0, which ships with the package, fine-tuned on emoji: saved, loaded, predicted, and run by Python. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pythonWith, whyNoPython } from "../bench/python.js";
import { emojiPictures } from "../src/cli/emoji.js";
import {
  type DataFrame,
  ImageTransformer,
  load,
  type NeuralClassificationModel,
  NeuralClassifier,
  nn,
  optim,
  Session,
  StringIndexer,
} from "../src/index.js";

const reason = await whyNoPython();
if (reason !== undefined && process.env.CI) throw new Error(`trained networks must be run by Python in CI: ${reason}`);
const session = await Session.open();
let folder = "";
let python = "";
let trained: { readonly model: NeuralClassificationModel; readonly rows: DataFrame } | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-fine-tuning-"));
  if (reason === undefined)
    python = await pythonWith("onnxruntime", ["onnxruntime==1.30.0", "onnx==1.22.0", "numpy==2.4.6"]);
}, 400_000);
afterAll(async () => {
  await session.close();
  await rm(folder, { recursive: true });
});

const script = `
import json, sys
import numpy, onnx, onnxruntime
onnx.checker.check_model(sys.argv[1], full_check=True)
session = onnxruntime.InferenceSession(sys.argv[1])
pixels = numpy.fromfile(sys.argv[2], dtype=numpy.float32).reshape(-1, 3, 224, 224)
print(json.dumps(session.run(["probability"], {session.get_inputs()[0].name: pixels})[0].tolist()))
`;

/** A tenth of the emoji in two groups. */
async function pictures(): Promise<DataFrame> {
  const all = session.read.images(await emojiPictures(join(folder, "pictures")), { labelFromFolder: "kind" });
  const [some] = all.filter("kind IN ('animals', 'smileys')").randomSplit([0.1, 0.9], { seed: 4 });
  const kinds = new StringIndexer({ inputCol: "kind", outputCol: "label" });
  const pixels = new ImageTransformer({
    ...{ inputCol: "image", outputCol: "pixels", resize: [224, 224], layout: "NCHW", mean: [127], std: [128] },
  });
  return pixels.transform((await kinds.fit(some!)).transform(some!)).cache();
}

test("the top of EfficientNet-Lite0 learns from a few pictures, and is saved and loaded", async () => {
  const rows = await pictures();
  const base = (await nn.fromOnnx("efficientnet-lite0")).cutAt("features");
  const model = await new NeuralClassifier({
    network: nn.sequential([base.freeze().unfreeze({ from: "block15_expand_w" }).rate(0.1), nn.dense(2)]),
    featuresCol: "pixels",
    optimizer: optim.adam({ lr: 2e-3 }),
    batchSize: 8,
    epochs: 4,
    seed: 1,
  }).fit(rows);
  const losses = model.history.map(({ loss }) => loss!);
  expect(losses.at(-1)).toBeLessThan(losses[0]! / 4);
  await model.save(join(folder, "model"));
  const loaded = (await load(join(folder, "model"))) as NeuralClassificationModel;
  const probabilities = await model.transform(rows).values("probability");
  expect(await loaded.transform(rows).values("probability")).toEqual(probabilities);
  trained = { model: loaded, rows };
}, 120_000);

const title = "Python's onnxruntime gives the fine-tuned network's probabilities";
test.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (${reason})`, async () => {
  const { model, rows } = trained!;
  const first = rows.limit(4).cache();
  const pixels = (await first.values("pixels")) as Float32Array[];
  await writeFile(join(folder, "pixels"), Buffer.concat(pixels.map(bytesOf)));
  await writeFile(join(folder, "network.onnx"), model.params.model.bytes);
  const files = ["network.onnx", "pixels"].map((name) => join(folder, name));
  const { stdout } = await promisify(execFile)(python, ["-c", script, ...files]);
  const ours = (await model.transform(first).values("probability")) as Iterable<number>[];
  for (const [i, row] of (JSON.parse(stdout) as number[][]).entries()) {
    // the two runtimes may be of different versions, whose kernels round differently
    for (const [j, value] of [...ours[i]!].entries()) expect(value).toBeCloseTo(row[j]!, 4);
  }
});

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
