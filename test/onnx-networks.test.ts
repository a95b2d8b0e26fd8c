/** @file Real models from files as networks: they give what the file gives, and their last parts have gradients. */

import { describe, expect, test } from "vitest";
import { gradient } from "../src/autodiff/gradient.js";
import { Graph } from "../src/graph/graph.js";
import { nn } from "../src/index.js";
import { Tensor } from "../src/tensor/tensor.js";
import { layerGraph } from "./layers.js";
import { maxDifference, randomTensor, runOnnx } from "./run-onnx.js";
import { sharedData } from "./shared-data.js";

interface Case {
  readonly file: string;
  readonly cut: string;
  /** Where training begins. */
  readonly from: string;
  readonly inputs: readonly Tensor[];
  /** Weights in all, and those after `from`. */
  readonly weights: readonly [all: number, open: number];
}

const int64 = (value: (i: number) => number) =>
  new Tensor(
    "int64",
    BigInt64Array.from({ length: 12 }, (_, i) => BigInt(value(i))),
    [2, 6],
  );

const cases: readonly Case[] = [
  {
    file: "models/mobilenet_v2_1.0_224.onnx",
    cut: "features",
    from: "op61_conv_2d",
    inputs: [randomTensor([2, 224, 224, 3], 1, 0.5)],
    weights: [104, 2],
  },
  {
    file: "models/efficientnet-lite0.onnx",
    cut: "features",
    from: "head_out",
    inputs: [randomTensor([2, 3, 224, 224], 1, 0.5)],
    weights: [98, 2],
  },
  {
    file: "minilm/all-MiniLM-L6-v2-int8.onnx",
    cut: "last_hidden_state",
    from: "inner.encoder.layer.5.attention.output.dense.bias",
    inputs: [int64((i) => 1000 + 37 * i), int64((i) => (i === 11 ? 0 : 1)), int64(() => 0)],
    weights: [101, 9],
  },
];

describe.each(cases)("$file", ({ file, cut, from, inputs, weights }) => {
  const path = sharedData(file);

  test.skipIf(path === undefined)("gives the file's results, and trains from a tensor on", async () => {
    const base = (await nn.fromOnnx(path!)).cutAt(cut);
    expect(base.weightNames().length).toBe(weights[0]);
    const original = (await Graph.load(path!)).cutAt([cut]);
    const names = original.inputs.map(({ name }) => name);
    expect(base.inputs.map(({ name }) => name)).toEqual(names);
    const wanted = await runOnnx(original, Object.fromEntries(names.map((name, i) => [name, inputs[i]!])));
    const feeds = Object.fromEntries(inputs.map((x, i) => [`x${i}`, x]));
    const found = await runOnnx(layerGraph(base, inputs, { named: true }).graph, feeds);
    expect(maxDifference(found.y0!, wanted[cut]!)).toBeLessThan(1e-4);

    const open = base.freeze().unfreeze({ from });
    const begun = performance.now();
    const { graph, specs } = layerGraph(nn.sequential([open, nn.dense(3)]), inputs, { training: true });
    const wrt = specs.filter(({ trainable }) => trainable).map(({ name }) => name);
    expect(wrt.length).toBe(weights[1] + 2);
    const step = gradient(graph, { of: "loss", wrt }).cutAt(["loss", ...wrt.map((name) => `grad/${name}`)]);
    // building is not what takes time
    expect(performance.now() - begun).toBeLessThan(5000);
    const grads = await runOnnx(step, feeds);
    for (const name of wrt) {
      expect(
        grads[`grad/${name}`]!.toNumbers().some((value) => value !== 0 && Number.isFinite(value)),
        name,
      ).toBe(true);
    }
  });
});

test("a registered model is known by its name", async () => {
  const base = (await nn.fromOnnx("efficientnet-lite0")).cutAt("features");
  expect(base.weightNames().length).toBe(98);
  expect(base.inputs[0]!.shape).toEqual([3, 224, 224]);
});
