/** @file Layers give PyTorch's values: results, gradients of inputs and weights, running statistics. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { layerGraph } from "../../../test/layers.js";
import { runOnnx } from "../../../test/run-onnx.js";
import { gradient } from "../../autodiff/gradient.js";
import type { Value } from "../../graph/value.js";
import { extend } from "../../ops/trace.js";
import { Tensor } from "../../tensor/tensor.js";
import "../index.js";
import { layers } from "../layer.js";

interface Values {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Case {
  readonly name: string;
  readonly layer: unknown;
  readonly inputs: readonly Values[];
  readonly weights: Readonly<Record<string, Values>>;
  readonly y: Values;
  readonly grads: Readonly<Record<string, Values>>;
  /** States after the step. */
  readonly next?: Readonly<Record<string, Values>>;
  readonly mask?: readonly (readonly number[])[];
  /** The result outside training, where it is another. */
  readonly prediction?: Values;
}

// written by test/reference/layers.py
const file = join(import.meta.dirname, "../../../../test/reference/layers.json");
const cases = JSON.parse(readFileSync(file, "utf8")) as Case[];

const tensor = ({ shape, data }: Values) => new Tensor("float32", Float32Array.from(data), shape);

function expectNear(found: Tensor, wanted: Values, what: string): void {
  expect(found.shape, what).toEqual(wanted.shape);
  const values = found.toNumbers();
  const worst = wanted.data.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - values[i]!) / (1 + Math.abs(value))),
    0,
  );
  // float32 against float64, over sums of at most a hundred terms
  expect(worst, what).toBeLessThan(2e-5);
}

describe.each(cases)("$name", ({ layer: json, inputs, weights, y, grads, next = {}, mask: given, prediction }) => {
  const none = () => undefined as never;
  const layer = layers.decode(json, { asset: none, stage: none }, "test");
  const xs = inputs.map(tensor);
  const known = Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, tensor(values)]));
  const mask = given && new Tensor("bool", Uint8Array.from(given.flat()), [given.length, given[0]!.length]);
  const feeds = { ...Object.fromEntries(xs.map((x, i) => [`x${i}`, x])), ...(mask && { mask }) };

  test("for prediction", async () => {
    const { graph, specs } = layerGraph(layer, xs, { named: true, weights: known }, mask);
    expect(specs.map(({ name }) => name).sort()).toEqual(Object.keys(weights).sort());
    expectNear((await runOnnx(graph, feeds)).y0!, prediction ?? y, "y");
  });

  test("for training, with gradients", async () => {
    const steps = Float32Array.from({ length: y.data.length }, (_, i) => Math.cos(0.7 * i));
    const weighed = (result: Value) => result.mul(new Tensor("float32", steps, y.shape)).reduceSum();
    // while the graph is being built, as the training engine does, and of the finished graph
    const built = layerGraph(layer, xs, { training: true, weights: known, gradientsOf: weighed }, mask);
    const results = await runOnnx(built.graph, feeds);
    expectNear(results.y0!, y, "y");
    const plain = layerGraph(layer, xs, { training: true, weights: known }, mask).graph;
    const graph = extend(plain, (t) => ({ weighed: weighed(t("y0")) }));
    const later = await runOnnx(gradient(graph, { of: "weighed", wrt: Object.keys(grads) }), feeds);
    for (const [name, values] of Object.entries(grads)) {
      expectNear(results[`grad/${name}`]!, values, `grad/${name}`);
      expectNear(later[`grad/${name}`]!, values, `grad/${name} of the finished graph`);
    }
    for (const [name, values] of Object.entries(next)) expectNear(results[`next/${name}`]!, values, `next/${name}`);
  });
});
