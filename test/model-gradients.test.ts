/** @file Gradients of whole models with respect to all of their weights, against differences along a random direction. */

import { describe, expect, test } from "vitest";
import { checkDirection } from "../src/autodiff/check.js";
import { gradient } from "../src/autodiff/gradient.js";
import { foldConstants } from "../src/graph/fold.js";
import { Graph } from "../src/graph/graph.js";
import { extend } from "../src/ops/trace.js";
import { Tensor } from "../src/tensor/tensor.js";
import { randomTensor, runOnnx } from "./run-onnx.js";
import { sharedData } from "./shared-data.js";

interface Case {
  readonly file: string;
  /** Tensor whose mean square is differentiated. */
  readonly of: string;
  readonly feeds: () => Record<string, Tensor>;
  /** Number of weights there are at least. */
  readonly weights: number;
}

/** Two sentences of six tokens, the last one padding. */
function tokens(): Record<string, Tensor> {
  const int64 = (value: (i: number) => number) =>
    new Tensor(
      "int64",
      BigInt64Array.from({ length: 12 }, (_, i) => BigInt(value(i))),
      [2, 6],
    );
  return {
    input_ids: int64((i) => 1000 + 37 * i),
    attention_mask: int64((i) => (i === 11 ? 0 : 1)),
    token_type_ids: int64(() => 0),
  };
}

const cases: readonly Case[] = [
  {
    file: "models/mobilenet_v2_1.0_224.onnx",
    of: "features",
    feeds: () => ({ input: randomTensor([1, 224, 224, 3], 1, 0.5) }),
    weights: 104,
  },
  {
    file: "models/efficientnet-lite0.onnx",
    of: "logits",
    feeds: () => ({ images: randomTensor([1, 3, 224, 224], 1, 0.5) }),
    weights: 100,
  },
  { file: "minilm/all-MiniLM-L6-v2-int8.onnx", of: "last_hidden_state", feeds: tokens, weights: 100 },
  {
    file: "tiny_models/cifar10_resnet8.onnx",
    of: "features",
    feeds: () => ({ input_1: randomTensor([2, 32, 32, 3], 1, 50) }),
    weights: 18,
  },
];

describe.each(cases)("$file", ({ file, of, feeds, weights }) => {
  const path = sharedData(file);

  test.skipIf(path === undefined)("has the gradient of differences in all weights at once", async () => {
    const model = await foldConstants((await Graph.load(path!)).cutAt([of]), { run: runOnnx });
    const graph = extend(model.atOpset(18), (t) => ({ loss: t(of).square().reduceMean() }));
    const read = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
    const wrt = [...graph.initializers]
      .filter(([name, { dtype, size }]) => dtype === "float32" && size > 1 && read.has(name))
      .map(([name]) => name);
    expect(wrt.length).toBeGreaterThanOrEqual(weights);
    const given = feeds();
    const fed = Object.fromEntries(graph.inputs.map(({ name }, i) => [name, given[name] ?? Object.values(given)[i]!]));
    const check = (step: number) => checkDirection(graph, { of: "loss", wrt, feeds: fed, run: runOnnx, step });
    // float32 sums and kinks of clipped activations leave about half a percent, at a step that suits
    const { error } = await check(3e-3);
    if (error > 0.01) expect((await check(1e-2)).error).toBeLessThan(0.01);
  });
});

test.skipIf(sharedData("models/mobilenet_v2_1.0_224.onnx") === undefined)(
  "the gradient graph of MobileNetV2 has no operator outside ONNX and ends in one tensor per weight",
  async () => {
    const model = await Graph.load(sharedData("models/mobilenet_v2_1.0_224.onnx")!);
    const graph = extend(model.cutAt(["features"]).atOpset(18), (t) => ({ loss: t("features").reduceMean() }));
    const wrt = [...graph.initializers].filter(([, { size }]) => size > 32).map(([name]) => name);
    const back = gradient(graph, { of: "loss", wrt });
    expect(new Set(back.nodes.map(({ domain }) => domain))).toEqual(new Set([""]));
    for (const name of wrt) {
      expect(back.outputs.find((output) => output.name === `grad/${name}`)!.shape).toEqual(
        graph.initializers.get(name)!.shape,
      );
    }
  },
);
