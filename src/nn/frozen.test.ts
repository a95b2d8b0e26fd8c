import { describe, expect, test } from "vitest";
import { layerGraph } from "../../test/layers.js";
import { maxDifference, randomTensor, runOnnx } from "../../test/run-onnx.js";
import { sharedData } from "../../test/shared-data.js";
import { trace } from "../ops/trace.js";
import { frozenPart } from "./frozen.js";
import * as nn from "./index.js";
import type { Network } from "./network.js";

const x = randomTensor([3, 2, 4, 4], 1);

/** The whole network and its parts one after the other give the same, under the same names of weights. */
async function expectSame(network: Network, shape: readonly number[], input = x): Promise<void> {
  const parts = frozenPart(network, [shape])!;
  const whole = layerGraph(network, [input], { training: true });
  const wanted = (await runOnnx(whole.graph, { x0: input })).y0!;
  const features = (await runOnnx(layerGraph(parts.frozen, [input], { named: true }).graph, { x0: input })).y0!;
  expect(parts.rest.inputs.map((each) => each.shape)).toEqual([features.shape.slice(1)]);
  const rest = layerGraph(parts.rest, [features], { training: true });
  expect(maxDifference((await runOnnx(rest.graph, { x0: features })).y0!, wanted)).toBeLessThan(1e-5);
  const names = (graph: typeof rest) => graph.specs.filter(({ trainable }) => trainable).map(({ name }) => name);
  expect(names(rest)).toEqual(names(whole));
  const frozen = layerGraph(parts.frozen, [input], { training: true });
  expect(names(frozen)).toEqual([]);
  expect(frozen.graph.outputs.some(({ name }) => name.startsWith("next/"))).toBe(false);
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
    await expectSame(network, [2, 4, 4]);
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
    await expectSame(nn.sequential([base.freeze(), nn.dense(2)]), [2, 4, 4]);
    await expectSame(nn.sequential([base.freeze().unfreeze({ from: "b/w" }), nn.dense(2)]), [2, 4, 4]);
    expect(frozenPart(nn.sequential([base, nn.dense(2)]), [[2, 4, 4]])).toBe(undefined);
  });

  test.skipIf(sharedData("models/mobilenet_v2_1.0_224.onnx") === undefined)("splits MobileNetV2 inside", async () => {
    const base = (await nn.fromOnnx(sharedData("models/mobilenet_v2_1.0_224.onnx")!)).cutAt("features").freeze();
    const network = nn.sequential([base.unfreeze({ from: "op61_conv_2d" }), nn.dense(5)]);
    await expectSame(network, [224, 224, 3], randomTensor([2, 224, 224, 3], 1, 0.5));
  });
});
