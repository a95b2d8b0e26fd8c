import { describe, expect, test } from "vitest";
import { type LayerGraph, layerGraph } from "../../test/layers.js";
import { maxDifference, randomTensor, runOnnx } from "../../test/run-onnx.js";
import { sharedData } from "../../test/shared-data.js";
import { trace } from "../ops/trace.js";
import { Tensor } from "../tensor/tensor.js";
import { frozenPart } from "./frozen.js";
import * as nn from "./index.js";
import type { Network } from "./network.js";

const x = randomTensor([3, 2, 4, 4], 1);

/**
 * The whole network and its parts one after the other give the same, under the same names of weights. What the first part
 * hands on: the shapes of its results, and the numbers of inputs that are read again.
 */
async function expectSame(network: Network, ...inputs: readonly Tensor[]) {
  const parts = frozenPart(
    network,
    inputs.map(({ shape }) => shape.slice(1)),
  )!;
  const run = async ({ graph }: LayerGraph, xs: readonly Tensor[]) => {
    const found = await runOnnx(graph, Object.fromEntries(xs.map((x, i) => [`x${i}`, x])));
    return graph.outputs.flatMap(({ name }) => (/^y\d/.test(name) ? [found[name]!] : []));
  };
  const whole = layerGraph(network, inputs, { training: true });
  const results = await run(layerGraph(parts.frozen, inputs, { named: true }), inputs);
  const read = [...results, ...parts.through.map((i) => inputs[i]!)];
  for (const [i, { shape }] of parts.rest.inputs.entries()) {
    const sizes = read[i]!.shape.slice(1);
    // some are told by the data
    expect(shape?.map((dim, at) => (typeof dim === "number" ? dim : sizes[at])) ?? sizes).toEqual(sizes);
  }
  const rest = layerGraph(parts.rest, read, { training: true });
  const wanted = await run(whole, inputs);
  const found = await run(rest, read);
  expect(found).toHaveLength(wanted.length);
  for (const [i, y] of found.entries()) expect(maxDifference(y, wanted[i]!)).toBeLessThan(1e-5);
  const names = (graph: typeof rest) => graph.specs.filter(({ trainable }) => trainable).map(({ name }) => name);
  expect(names(rest)).toEqual(names(whole));
  const frozen = layerGraph(parts.frozen, inputs, { training: true });
  expect(names(frozen)).toEqual([]);
  expect(frozen.graph.outputs.some(({ name }) => name.startsWith("next/"))).toBe(false);
  return { results: results.map(({ shape }) => shape.slice(1)), through: parts.through };
}

const file = trace(
  ({ images }, g) => {
    const a = g.conv(images, g.parameter("a/w", randomTensor([3, 2, 3, 3], 2))).relu();
    const b = g.conv(a, g.parameter("b/w", randomTensor([3, 3, 1, 1], 3)));
    // a branch around the second convolution
    return { features: g.reduceMean(b.add(a).relu(), { axes: [2, 3] }) };
  },
  { images: ["N", 2, 4, 4] },
);

describe("frozenPart", () => {
  test("ends before the first layer that is trained", async () => {
    const network = nn.sequential([
      nn.conv2d(4, 3, { trainable: false, activation: "relu" }),
      nn.maxPooling2d(),
      nn.flatten(),
      nn.dense(3),
      nn.dense(2),
    ]);
    const parts = frozenPart(network, [[2, 4, 4]])!;
    expect((parts.frozen.params.layers as nn.Layer[]).map(({ type }) => type)).toEqual([
      "Conv2D",
      "MaxPooling2D",
      "Flatten",
    ]);
    expect(await expectSame(network, x)).toEqual({ results: [[4]], through: [] });
  });

  test("ends before what is random, or moves its statistics", () => {
    const frozen = () => nn.dense(4, { trainable: false });
    const typesOf = (layers: nn.Layer[]) => {
      const parts = frozenPart(nn.sequential(layers), [[6]]);
      return (parts?.frozen.params.layers as nn.Layer[] | undefined)?.map(({ type }) => type);
    };
    expect(typesOf([frozen(), nn.dropout(0.5), frozen(), nn.dense(1)])).toEqual(["Dense"]);
    expect(typesOf([frozen(), nn.batchNormalization({ scale: false, center: false }), nn.dense(1)])).toEqual(["Dense"]);
    expect(typesOf([frozen(), nn.batchNormalization({ trainable: false }), nn.dense(1)])).toEqual([
      "Dense",
      "BatchNormalization",
    ]);
    expect(typesOf([nn.relu(), nn.dense(1)])).toBe(undefined);
    expect(typesOf([nn.dense(1)])).toBe(undefined);
  });

  test("splits a model from a file where its training begins", async () => {
    const base = await nn.fromOnnx(file, { name: "base" });
    await expectSame(nn.sequential([base.freeze(), nn.dense(2)]), x);
    // what goes around the convolution is what it reads
    const later = nn.sequential([base.freeze().unfreeze({ from: "b/w" }), nn.dense(2)]);
    expect(await expectSame(later, x)).toEqual({ results: [[3, 2, 2]], through: [] });
    expect(frozenPart(nn.sequential([base, nn.dense(2)]), [[2, 4, 4]])).toBe(undefined);
  });

  test.skipIf(sharedData("models/mobilenet_v2_1.0_224.onnx") === undefined)("splits MobileNetV2 inside", async () => {
    const base = (await nn.fromOnnx(sharedData("models/mobilenet_v2_1.0_224.onnx")!)).cutAt("features").freeze();
    const network = nn.sequential([base.unfreeze({ from: "op61_conv_2d" }), nn.dense(5)]);
    await expectSame(network, randomTensor([2, 224, 224, 3], 1, 0.5));
  });

  describe("of networks that are no chain", () => {
    const frozen = (units: number) => nn.dense(units, { trainable: false });
    const flat = randomTensor([3, 6], 4);

    test("keeps what crosses, of several branches and of inputs", async () => {
      const [a, b] = [nn.input({ name: "a", shape: [6] }), nn.input({ name: "b", shape: [6] })];
      // scaling has no weights: it is done again, for the branch that is trained
      const scaled = nn.rescaling(0.5).apply(b);
      const left = nn.dense(3).apply(frozen(4).apply(a));
      const right = nn.add().apply([nn.dense(3).apply(scaled), frozen(3).apply(scaled)]);
      const sum = nn.add().apply([nn.dropout(0).apply(left), right]);
      const network = nn.model({
        inputs: [a, b],
        outputs: { y: nn.dense(2).apply(sum), left, still: frozen(1).apply(b) },
      });
      expect(await expectSame(network, flat, randomTensor([3, 6], 5))).toEqual({
        results: [[4], [3], [1]],
        through: [1],
      });
    });

    test("keeps the results of layers that are shared, each on its own", async () => {
      const [a, b] = [nn.input({ name: "a", shape: [6] }), nn.input({ name: "b", shape: [6] })];
      const [body, head] = [nn.sequential([frozen(5), nn.relu()]), nn.dense(2)];
      const [left, right] = [a, b].map((side) => head.apply(body.apply(side)));
      const network = nn.model({ inputs: [a, b], outputs: nn.multiply().apply([left!, right!]) });
      const { results } = await expectSame(network, flat, randomTensor([3, 6], 5));
      expect(results).toEqual([[5], [5]]);
    });

    test("keeps masks beside what they are of", async () => {
      const ids = new Tensor("float32", Float32Array.of(1, 2, 0, 3, 0, 0, 4, 1, 2), [3, 3]);
      const network = nn.sequential([
        nn.embedding(5, 4, { maskZero: true, trainable: false }),
        nn.lstm(3, { returnSequences: true, trainable: false }),
        nn.dropout(0),
        nn.lstm(2),
      ]);
      expect(await expectSame(network, ids)).toEqual({ results: [[3, 3], [3]], through: [] });
    });

    test("keeps what a model of a file hands on, and inputs that it reads again", async () => {
      const graph = trace(
        ({ words, mask }, g) => {
          const far = g.mul(g.unsqueeze(g.sub(1, g.cast(mask!, "float32")), [1]), -1e4);
          let x = g.gather(g.parameter("table", randomTensor([9, 4], 6)), words!);
          for (const layer of ["first", "second"]) {
            const q = g.matmul(x, g.parameter(`${layer}/q`, randomTensor([4, 4], 7)));
            // the batch and the length are worked out as exporters do it
            const size = g.shapeOf(x);
            const scores = g.add(g.matmul(q, x.transpose([0, 2, 1])), far).softmax();
            x = g.reshape(g.add(x, g.matmul(scores, q)), size);
          }
          return { x: g.reduceMean(x, { axes: [1] }) };
        },
        { words: { dtype: "int64", shape: ["N", "T"] }, mask: { dtype: "int64", shape: ["N", "T"] } },
      );
      const base = (await nn.fromOnnx(graph)).freeze().unfreeze({ from: "second/q" });
      const words = new Tensor("int64", BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 0n), [2, 3]);
      const mask = new Tensor("int64", BigInt64Array.of(1n, 1n, 1n, 1n, 1n, 0n), [2, 3]);
      expect(await expectSame(nn.sequential([base, nn.dense(2)]), words, mask)).toEqual({
        results: [[3, 4]],
        through: [1],
      });
    });
  });
});
