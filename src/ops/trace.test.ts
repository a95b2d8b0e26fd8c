/** @file Tests of trace and extend. */

import { expect, test } from "vitest";
import { runOnnx } from "../../test/run-onnx.js";
import { gradient } from "../autodiff/gradient.js";
import { parseModel } from "../graph/decode.js";
import { Tensor } from "../tensor/tensor.js";
import { version } from "../util/version.js";
import { extend, trace } from "./trace.js";

const w = new Tensor("float32", new Float32Array([1, -1, 2, 0.5]), [2, 2]);
const x = new Tensor("float32", new Float32Array([1, 2, 3, 4]), [2, 2]);

test("a function over symbolic tensors becomes a graph", async () => {
  const graph = trace(({ x }, g) => ({ y: x.matmul(g.parameter("w", w)).add(1).relu() }), { x: ["batch", 2] });
  expect(graph.inputs).toEqual([{ name: "x", dtype: "float32", shape: ["batch", 2] }]);
  expect(graph.outputs).toEqual([{ name: "y", dtype: "float32", shape: ["batch", 2] }]);
  expect((await runOnnx(graph, { x })).y!.toNumbers()).toEqual([6, 1, 12, 0]);
});

test("shapes that do not fit name the operator and the caller's line", () => {
  expect(() => trace(({ x }, g) => ({ y: x.matmul(g.parameter("w", w)) }), { x: ["batch", 3] })).toThrow(
    /^MatMul "MatMul" \(trace\.test\.[jt]s:\d+\): shapes \[batch, 3\] and \[2, 2\] do not multiply: 3 columns against 2 rows$/,
  );
});

test("nodes are named after what they make, and the file after its maker", () => {
  const graph = trace(({ x }) => ({ y: x.abs().sqrt() }), { x: ["batch", 2] });
  expect(graph.nodes.map(({ opType, name }) => [opType, name])).toEqual([
    ["Abs", "Abs"],
    ["Sqrt", "y"],
  ]);
  const { producerName, producerVersion } = parseModel(graph.toBytes());
  expect([producerName, producerVersion]).toEqual(["deepframe", version]);
});

test("inputs, weights and one tensor under two names are copied out", async () => {
  const graph = trace(
    ({ x }) => {
      const y = x.mul(2);
      return { a: y, b: y, c: x };
    },
    { x: [2, 2] },
  );
  const { a, b, c } = await runOnnx(graph, { x });
  expect([a!.toNumbers(), b!.toNumbers(), c!.toNumbers()]).toEqual([
    [2, 4, 6, 8],
    [2, 4, 6, 8],
    [1, 2, 3, 4],
  ]);
});

test("an output may have the name of a tensor inside", async () => {
  const graph = trace(({ x }) => ({ Mul: x.mul(2).add(1) }), { x: [2, 2] });
  expect((await runOnnx(graph, { x })).Mul!.toNumbers()).toEqual([3, 5, 7, 9]);
});

test("reshape and flatten add nothing where the sizes are there already", () => {
  const graph = trace(({ x }) => ({ y: x.reshape([2, 3]).flatten().reshape([3, -1]) }), { x: [2, 3] });
  expect(graph.nodes.map(({ opType }) => opType)).toEqual(["Reshape"]);
  expect(graph.outputs[0]!.shape).toEqual([3, 2]);
});

test("a graph is continued: gradients of gradients", async () => {
  // y = sum(x^3): grad = 3 x^2; penalty = sum(grad^2) = 9 sum(x^4): its gradient is 36 x^3
  const graph = trace(({ x }) => ({ y: x.mul(x).mul(x).reduceSum() }), { x: [2, 2] });
  const once = gradient(graph, { of: "y", wrt: ["x"] });
  const penalized = extend(once, (t) => ({ penalty: t("grad/x").square().reduceSum() }));
  const twice = gradient(penalized.cutAt(["penalty"]), { of: "penalty", wrt: ["x"] });
  expect((await runOnnx(twice, { x }))["grad/x"]!.toNumbers()).toEqual([36, 36 * 8, 36 * 27, 36 * 64]);
});

test("tensors with values are constants, and inputs need no description", async () => {
  const graph = trace(({ x }) => ({
    y: x!
      .matmul(w)
      .add(new Tensor("float32", new Float32Array([10, 20])))
      .relu(),
  }));
  expect(graph.inputs).toEqual([{ name: "x", dtype: "float32", shape: undefined }]);
  expect((await runOnnx(graph, { x })).y!.toNumbers()).toEqual([15, 20, 21, 19]);
});
