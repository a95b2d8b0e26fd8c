import { describe, expect, test } from "vitest";
import { differentiate } from "../../autodiff/gradient.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { shapeRules } from "../../ops/infer.js";
import { buildNetwork } from "../build.js";
import type { Layer } from "../layer.js";
import { gru, lstm, simpleRNN } from "./index.js";

/** Shapes of a layer's result, and of the gradients of what it reads, over sequences that are written out. */
function shapesOf(layer: Layer, shape: readonly number[]) {
  const g = new GraphBuilder({ rules: shapeRules() });
  const read: Value[] = [g.input("x", "float32", shape)];
  const weight = (name: string, size: readonly number[]) => {
    read.push(g.input(name, "float32", size));
    return read.at(-1)!;
  };
  const { outputs } = buildNetwork(g, layer, [...read], {
    training: true,
    weight: ({ name, shape }) => weight(name, shape),
  });
  const loss = g.reduceSum(g.square(outputs[0]!));
  const grads = differentiate(g, [...g.nodes], loss, read);
  return { result: outputs[0]!.shape, grads: grads.map((grad) => grad.shape), read: read.map(({ shape }) => shape) };
}

describe.each<[string, (units: number, more?: { readonly returnSequences: boolean }) => Layer]>([
  ["SimpleRNN", (units, more) => simpleRNN(units, more)],
  ["GRU", (units, more) => gru(units, more)],
  ["LSTM", (units, more) => lstm(units, more)],
])("%s over many steps", (_, make) => {
  test.each([
    ["a batch of one row, as the last of an epoch may be", [1, 100, 2], 3],
    ["a segment for every step, since the batch is large", [256, 70, 2], 256],
  ])("has results and gradients of known sizes: %s", (_, shape, units) => {
    const { result, grads, read } = shapesOf(make(units), shape);
    expect(result).toEqual([shape[0], units]);
    expect(grads).toEqual(read);
  });

  test("has as many results as there are steps, also in a Loop", () => {
    expect(shapesOf(make(3, { returnSequences: true }), [2, 201, 2]).result).toEqual([2, 201, 3]);
  });
});
