import { expect, test } from "vitest";
import { randomTensor, runOnnx } from "../../../test/run-onnx.js";
import { differentiate } from "../../autodiff/gradient.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import type { Node } from "../../graph/types.js";
import { shapeRules } from "../../ops/infer.js";
import { lstmSteps } from "./lstm-steps.js";

/** Gradients over segments of three steps and of two, with states before them and all results read. */
async function gradients(backwards: boolean, batch: number, nodesOf: (nodes: readonly Node[]) => readonly Node[]) {
  const g = new GraphBuilder({ rules: shapeRules() });
  const units = 2;
  const shapes = [
    [3 * batch, 8],
    [2 * batch, 8],
    [units, 8],
    [batch, units],
    [batch, units],
  ];
  const inputs = shapes.map((shape, i) => g.input(`in${i}`, "float32", shape));
  const [first, second, recurrent, ...states] = inputs;
  const run = lstmSteps(g, { gates: [first!, second!], recurrent: recurrent!, states, units, batch, backwards });
  const results = [run.joined, ...run.last];
  const sums = results.map((y, i) => g.reduceSum(g.mul(y, g.input(`dy${i}`, "float32", y.shape!))));
  // before its nodes are listed
  const loss = g.sum(sums[0]!, ...sums.slice(1));
  const grads = differentiate(g, nodesOf(g.nodes), loss, inputs);
  const graph = g.finish(Object.fromEntries(grads.map((grad, i) => [`d${i}`, grad!])));
  const feeds = graph.inputs.map(({ name, shape }, i) => [name, randomTensor(shape as readonly number[], i)]);
  return runOnnx(graph, Object.fromEntries(feeds));
}

test.each([
  [false, 4],
  [true, 4],
  // so many rows that the products of segments are made one by one
  [false, 64],
  [true, 64],
])("segments give the gradients that operators do, backwards: %s, batch %i", async (backwards, batch) => {
  const own = await gradients(backwards, batch, (nodes) => [...nodes]);
  // copies, of which nothing is known
  const byOperators = await gradients(backwards, batch, (nodes) => nodes.map((node) => ({ ...node })));
  expect(Object.keys(own)).toHaveLength(5);
  for (const [name, { data }] of Object.entries(own)) {
    const expected = byOperators[name]!.toNumbers();
    expect(expected.some((value) => value !== 0)).toBe(true);
    [...(data as Float32Array)].forEach((value, i) => void expect(value).toBeCloseTo(expected[i]!, 4));
  }
});
