/** @file The gradient of Relu: a mask where a product hands it on, a choice where it may be infinite. */

import { expect, test } from "vitest";
import { runOnnx } from "../../test/run-onnx.js";
import { gradient } from "../autodiff/gradient.js";
import type { Value } from "../graph/value.js";
import { Tensor } from "../tensor/tensor.js";
import { trace } from "./trace.js";

// the smallest normal number among them
const x = new Tensor("float32", Float32Array.of(-1, 0, 1.1754943508222875e-38, 3), [1, 4]);
const weights = new Tensor("float32", Float32Array.of(5, 6, 7, 8), [4, 1]);

async function gradientOf(behind: (y: Value, w: Value) => Value) {
  const graph = trace(({ x, w }) => ({ loss: behind(x!.relu(), w!).reduceSum() }), { x: [1, 4], w: [4, 1] });
  const made = gradient(graph, { of: "loss", wrt: ["x"] });
  const { "grad/x": dx } = await runOnnx(made, { x, w: weights });
  return { types: made.nodes.map(({ opType }) => opType), dx: dx!.toNumbers() };
}

test("below a product, where x is not above 0 nothing goes back, and all of it where it is", async () => {
  const { types, dx } = await gradientOf((y, w) => y.matmul(w));
  expect(types).toContain("HardSigmoid");
  expect(dx).toEqual([0, 0, 7, 8]);
});

test("below a root, whose slope at 0 is infinite, nothing goes back either", async () => {
  const { types, dx } = await gradientOf((y) => y.sqrt());
  expect(types).toContain("Where");
  expect([dx[0], dx[1], dx[3]]).toEqual([0, 0, Math.fround(0.5 / Math.sqrt(3))]);
});
