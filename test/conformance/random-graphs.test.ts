/** @file Random compositions of operators: their gradient against central differences, in float64. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { checkGradient } from "../../src/autodiff/check.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import type { Value } from "../../src/graph/value.js";
import { shapeRules } from "../../src/ops/infer.js";
import { Tensor } from "../../src/tensor/tensor.js";
import { randomTensor, runOnnx } from "../run-onnx.js";

/** Smooth steps only: differences across a kink prove nothing. Each keeps the last size at 3, so that any may follow any. */
const unary: readonly ((g: GraphBuilder, x: Value) => Value)[] = [
  (g, x) => g.tanh(x),
  (g, x) => g.sigmoid(x),
  (g, x) => g.softplus(x),
  (g, x) => g.softmax(x),
  (g, x) => g.sin(x),
  (g, x) => g.exp(g.neg(g.square(x))),
  (g, x) => g.mul(g.reduceMean(x, { axes: [-1], keepdims: true }), x),
  (g, x) => g.sub(x, g.reduceLogSumExp(x, { axes: [0], keepdims: true })),
  (g, x) => g.concat(g.slice(x, [1], [3], { axes: [1] }), [g.slice(x, [0], [1], { axes: [1] })], { axis: 1 }),
  (g, x) => g.gather(x, [2, 0, 2], { axis: 1 }),
  (g, x) => g.reshape(g.transpose(g.reshape(x, [-1, 3, 1]), [1, 2, 0]), [-1, 3]),
];

const binary: readonly ((g: GraphBuilder, a: Value, b: Value) => Value)[] = [
  (g, a, b) => g.add(a, b),
  (g, a, b) => g.sub(a, b),
  (g, a, b) => g.mul(a, b),
  (g, a, b) => g.div(a, g.add(g.square(b), 1)),
  (g, a, b) => g.matmul(g.matmul(a, g.transpose(b, [1, 0])), b),
  (g, a, b) => g.add(a, g.reduceSum(b, { axes: [0] })),
  (g, a, b) => g.where(g.greater(g.sizeOf(a), 0), g.mul(a, 0.5), b),
];

const step = fc.record({ kind: fc.boolean(), op: fc.nat(100), a: fc.nat(100), b: fc.nat(100) });

test("the gradient of any composition is that of differences", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), fc.constantFrom(2, "n"), async (steps, rows) => {
      const g = new GraphBuilder({ rules: shapeRules() });
      const values = [g.input("x", "float64", [rows, 3]), g.input("w", "float64", [rows, 3])];
      for (const { kind, op, a, b } of steps) {
        const pick = (i: number) => values[i % values.length]!;
        values.push(kind ? unary[op % unary.length]!(g, pick(a)) : binary[op % binary.length]!(g, pick(a), pick(b)));
      }
      const graph = g.finish({ loss: g.reduceSum(g.tanh(g.sum(values.at(-1)!, ...values.slice(0, 2)))) });
      const double = (seed: number) =>
        new Tensor("float64", Float64Array.from(randomTensor([2, 3], seed).data), [2, 3]);
      const feeds = { x: double(1), w: double(2) };
      for (const error of await checkGradient(graph, { of: "loss", wrt: ["x", "w"], feeds, run: runOnnx })) {
        expect(error.error, JSON.stringify(error)).toBeLessThan(1e-6);
      }
    }),
    { numRuns: 40, seed: 11 },
  );
});
