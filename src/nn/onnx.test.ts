import { describe, expect, test } from "vitest";
import { layerGraph } from "../../test/layers.js";
import { maxDifference, randomTensor, runOnnx } from "../../test/run-onnx.js";
import { gradient } from "../autodiff/gradient.js";
import { trace } from "../ops/trace.js";
import { Tensor } from "../tensor/tensor.js";
import type { Asset } from "../util/asset.js";
import { layers } from "./layer.js";
import { dense } from "./layers/dense.js";
import { sequential } from "./network.js";
import { fromOnnx, type OnnxNetwork } from "./onnx.js";

const ones = (...shape: number[]) =>
  new Tensor("float32", new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1), shape);

/** Pictures scaled by constants, a convolution, batch normalization, a mean: "features". */
const graph = trace(
  ({ x }, g) => {
    const scaled = x.sub(g.parameter("mean", randomTensor([2, 1, 1], 1))).div(ones(2, 1, 1));
    const conv = g.conv(scaled, g.parameter("conv/w", randomTensor([3, 2, 3, 3], 2)), g.parameter("conv/b", ones(3)));
    const normal = g.batchNorm(
      conv,
      g.parameter("bn/scale", ones(3)),
      g.parameter("bn/bias", randomTensor([3], 3)),
      g.parameter("bn/mean", randomTensor([3], 4)),
      g.parameter("bn/variance", ones(3)),
    );
    const features = g.reduceMean(g.clip(normal, 0, 6), { axes: [2, 3] });
    const scores = g.add(
      g.matmul(features, g.parameter("fc/w", randomTensor([3, 4], 5))),
      g.parameter("fc/b", ones(4)),
    );
    return { features, scores };
  },
  { x: ["N", 2, 6, 6] },
);
const x = randomTensor([4, 2, 6, 6], 9);

describe("fromOnnx", () => {
  test("gives the file's results, for prediction and for training", async () => {
    const network = await fromOnnx(graph);
    const wanted = await runOnnx(graph, { x });
    for (const training of [false, true]) {
      const found = await runOnnx(layerGraph(network, [x], { training }).graph, { x0: x });
      expect(maxDifference(found.y1!, wanted.scores!)).toBeLessThan(1e-6);
    }
    expect(network.inputs).toEqual([{ name: "x", dtype: "float32", shape: [2, 6, 6] }]);
    expect(network.outputs).toEqual(["features", "scores"]);
  });

  test("takes learned constants for weights, not those of the input's scale or of statistics", async () => {
    const network = await fromOnnx(graph, { name: "base" });
    expect(network.weightNames()).toEqual(["conv/w", "conv/b", "bn/scale", "bn/bias", "fc/w", "fc/b"]);
    const { specs } = layerGraph(network, [x], { training: true });
    expect(specs.map(({ name }) => name)).toEqual(network.weightNames().map((name) => `base/${name}`));
    expect(specs.every(({ trainable }) => trainable)).toBe(true);
  });

  test("finds weights that are moved before they are used, and the bias of one unit", async () => {
    const written = trace(
      ({ x }, g) => {
        const turned = (name: string, rows: number) =>
          g.unsqueeze(g.transpose(g.parameter(name, randomTensor([rows, 8], rows)), [1, 0]), [0]);
        const bias = g.concat(g.parameter("bias", ones(8)), [g.fill(g.ints([8]), 0)], { axis: 0 });
        const inputs = [g.transpose(x, [1, 0, 2]), turned("kernel", 3), turned("recurrent", 2), g.unsqueeze(bias, [0])];
        const [, h] = g.ops("LSTM", inputs, { hidden_size: 2 }, { outputs: 3 });
        const head = [g.parameter("head/w", randomTensor([2, 1], 7)), g.parameter("head/b", ones(1))] as const;
        return { y: g.gemm(g.squeeze(h!, [0]), ...head) };
      },
      { x: ["N", 5, 3] },
    );
    const network = await fromOnnx(written);
    const sizes = layerGraph(network, [randomTensor([4, 5, 3], 1)], { training: true }).specs.map(({ shape }) =>
      shape.reduce((a, b) => a * b, 1),
    );
    expect(sizes.sort((a, b) => a - b)).toEqual([1, 2, 8, 16, 24]);
  });

  test("freezes, unfreezes from a tensor on, and changes rates", async () => {
    const base = (await fromOnnx(graph)).freeze();
    expect(base.weightNames({ trainable: true })).toEqual([]);
    const open = base.unfreeze({ from: "bn/scale" }).rate(0.1).rate(0.5, { from: "features" });
    expect(open.weightNames({ trainable: true })).toEqual(["bn/scale", "bn/bias", "fc/w", "fc/b"]);
    const { specs } = layerGraph(open, [x], { training: true });
    expect(specs.map(({ trainable, lrMultiplier }) => [trainable, lrMultiplier])).toEqual([
      [false, 0.1],
      [false, 0.1],
      [true, 0.1],
      [true, 0.1],
      [true, 0.5],
      [true, 0.5],
    ]);
    expect(base.weightNames({ trainable: true })).toEqual([]);
    expect(() => base.unfreeze({ form: "bn/scale" } as object)).toThrow(
      'unfreeze: unknown option "form"; there are "from"; did you mean "from"?',
    );
    expect(() => base.rate(-1)).toThrow("rate: multiplier must be a number of at least 0, got -1");
    expect(() => base.unfreeze({ from: "nothing like it" })).toThrow(
      /^OnnxNetwork: no tensor, node or weight "nothing like it" in the model \(it has "/,
    );
    expect(() => base.unfreeze({ from: "bn/scales" })).toThrow(
      'OnnxNetwork: no tensor, node or weight "bn/scales" in the model; did you mean "bn/scale"?',
    );
  });

  test("ends at a tensor and stands before other layers, with gradients of both", async () => {
    const base = (await fromOnnx(graph)).cutAt("features");
    const network = sequential([base.rate(0.1), dense(5)]);
    const { graph: built, specs } = layerGraph(network, [x], { training: true });
    const wrt = specs.map(({ name }) => name);
    expect(wrt).toEqual([
      ...["conv/w", "conv/b", "bn/scale", "bn/bias"].map((name) => `onnx_network/${name}`),
      "dense/kernel",
      "dense/bias",
    ]);
    const grads = await runOnnx(gradient(built, { of: "loss", wrt }), { x0: x });
    for (const name of wrt) expect(grads[`grad/${name}`]!.toNumbers().some((value) => value !== 0)).toBe(true);
    expect(() => base.cutAt("feature")).toThrow(
      'Graph.cutAt: no tensor "feature" in the graph; did you mean "features"?',
    );
  });

  test("follows the batch's statistics where that is asked for", async () => {
    const base = (await fromOnnx(graph, { batchNormStatistics: "batch" })).cutAt("features");
    const { graph: built } = layerGraph(base, [x], { training: true });
    const found = await runOnnx(built, { x0: x });
    const conv = (await runOnnx(graph.cutAt(["Conv"]), { x })).Conv!;
    const [batch, channels, height, width] = conv.shape as [number, number, number, number];
    const place = height * width;
    const values = conv.toNumbers();
    const means = Array.from({ length: channels }, (_, c) => {
      let sum = 0;
      for (let n = 0; n < batch; n++) {
        for (let i = 0; i < place; i++) sum += values[(n * channels + c) * place + i]!;
      }
      return sum / (batch * place);
    });
    const before = randomTensor([3], 4).toNumbers();
    const next = found["next/onnx_network/bn/mean"]!.toNumbers();
    // the operator's momentum is 0.9 where the file says nothing
    const wanted = means.map((mean, c) => 0.9 * before[c]! + 0.1 * mean);
    for (const [c, mean] of next.entries()) expect(mean).toBeCloseTo(wanted[c]!, 5);
    expect((await fromOnnx(graph)).cutAt("features").params.batchNormStatistics).toBe("frozen");
  });

  test("makes small weights float32 again", async () => {
    const big = trace(({ a }, g) => ({ y: a.matmul(g.parameter("w", randomTensor([32, 64], 3))) }), { a: ["N", 32] });
    const network = await fromOnnx(big.weightsTo("int8").toBytes());
    expect(network.weightNames()).toEqual(["w"]);
    expect(network.graph.initializers.get("w")!.dtype).toBe("float32");
  });

  test("comes back from JSON and its file", async () => {
    const network = sequential([(await fromOnnx(graph)).cutAt("features").freeze().rate(2), dense(2)]);
    const assets = new Map<string, Asset>();
    const json = JSON.parse(JSON.stringify(layers.encode(network, assets)));
    const again = layers.decode(
      json,
      {
        asset: (stored) => assets.get((stored as { $asset: string }).$asset)!,
        stage: () => undefined,
      },
      "test",
    );
    const [a, b] = [network, again].map((each) => layerGraph(each, [x], { training: true }).graph.sha256);
    expect(a).toBe(b);
    const base = (again.params.layers as [OnnxNetwork])[0];
    expect(base.weightNames({ trainable: true })).toEqual([]);
  });

  test("says what it is fed with", async () => {
    const network = await fromOnnx(graph);
    expect(() => layerGraph(network, [randomTensor([4, 6, 6, 2], 1)])).toThrow(
      "OnnxNetwork: expected x [N, 2, 6, 6], got [4, 6, 6, 2]",
    );
    await expect(fromOnnx("no-such-model")).rejects.toThrow(
      'fromOnnx: there is no file "no-such-model", and no registered model of that name',
    );
  });
});
