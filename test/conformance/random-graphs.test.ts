/** @file Random compositions of operators: the gradient of the whole against central differences, in float64. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { checkGradient } from "../../src/autodiff/check.js";
import type { Graph } from "../../src/graph/graph.js";
import type { GraphBuilder } from "../../src/graph/graph-builder.js";
import type { Dim } from "../../src/graph/types.js";
import type { Value } from "../../src/graph/value.js";
import { trace } from "../../src/ops/trace.js";
import { Tensor } from "../../src/tensor/tensor.js";
import { openOnnx, randomNumbers } from "../run-onnx.js";

/** A step takes two tensors made before (of two dimensions each) and a number, and gives another, or none where they do not fit. */
type Step = (g: GraphBuilder, a: Value, b: Value, k: number) => Value | undefined;

const size = (x: Value, axis: number) => Number(x.shape![axis]);
const fits = (a: Value, b: Value) =>
  [0, 1].every((i) => size(a, i) === size(b, i) || size(a, i) === 1 || size(b, i) === 1);
const both =
  (fn: (g: GraphBuilder, a: Value, b: Value) => Value): Step =>
  (g, a, b) =>
    fits(a, b) ? fn(g, a, b) : undefined;

const steps: readonly Step[] = [
  (g, a) => g.tanh(a),
  (g, a) => g.sigmoid(a),
  (g, a) => g.softplus(a),
  (g, a) => g.exp(g.tanh(a)),
  (g, a) => g.sqrt(g.add(g.square(a), 1)),
  (g, a) => g.relu(g.sub(a, 0.31)),
  (g, a, _, k) => g.leakyRelu(g.add(a, 0.17), { alpha: 0.1 * (k % 5) }),
  (g, a) => g.elu(a),
  (g, a) => g.mish(a),
  (g, a) => g.hardSwish(a),
  (g, a) => g.clip(a, -0.91, 0.93),
  both((g, a, b) => g.add(a, b)),
  both((g, a, b) => g.sub(a, b)),
  both((g, a, b) => g.mul(g.tanh(a), b)),
  both((g, a, b) => g.div(a, g.add(g.square(b), 1))),
  both((g, a, b) => g.max(a, g.mul(b, 1.07), 0.21)),
  both((g, a, b) => g.where(g.greater(a, b), g.sin(a), g.square(g.tanh(b)))),
  both((g, a, b) => g.pow(g.add(g.square(g.tanh(a)), 0.5), g.tanh(b))),
  (g, a, b) => (size(a, 1) === size(b, 0) ? g.tanh(g.matmul(a, b)) : undefined),
  (g, a, b) => (size(a, 1) === size(b, 1) ? g.sin(g.gemm(a, b, undefined, { transB: true, alpha: 0.5 })) : undefined),
  (g, a) => g.transpose(a, [1, 0]),
  (g, a) => g.reshape(a, [size(a, 1), size(a, 0)]),
  (g, a, _, k) => g.softmax(a, { axis: k % 2 }),
  (g, a, _, k) => g.logSoftmax(a, { axis: k % 2 }),
  (g, a, _, k) => g.reduceMean(a, { axes: [k % 2], keepdims: true }),
  (g, a, _, k) => g.reduceLogSumExp(a, { axes: [k % 2], keepdims: true }),
  (g, a, _, k) => g.reduceMax(a, { axes: [k % 2], keepdims: true }),
  (g, a, _, k) => g.tanh(g.reduceProd(a, { axes: [k % 2], keepdims: true })),
  (g, a, _, k) => g.reduceL2(a, { axes: [k % 2], keepdims: true }),
  (g, a, _, k) => g.cumSum(a, k % 2, { exclusive: k % 3 === 0, reverse: k % 5 === 0 }),
  (g, a, b, k) => (size(a, k % 2) === size(b, k % 2) ? g.concat(a, [b], { axis: 1 - (k % 2) }) : undefined),
  (g, a, _, k) => g.slice(a, [k % size(a, 1)], [size(a, 1)], { axes: [1] }),
  (g, a, _, k) => g.pad(a, [k % 2, 1, 0, k % 3], { value: 0.5 }),
  (g, a, _, k) => g.gather(a, [k % size(a, 0), 0, k % size(a, 0)], { axis: 0 }),
  (g, a, _, k) => g.tile(a, [1 + (k % 2), 1 + (k % 3)]),
  (g, a, _, k) => g.topK(a, 1 + (k % size(a, 1)))[0],
  (g, a) => g.layerNorm(a, g.constant(new Array<number>(size(a, 1)).fill(1), "float64"), undefined, { epsilon: 0.1 }),
];

const program = fc.array(fc.tuple(fc.nat(steps.length - 1), fc.nat(99), fc.nat(99), fc.nat(99)), {
  minLength: 3,
  maxLength: 9,
});

function build(list: readonly (readonly [number, number, number, number])[], dims: readonly Dim[]): Graph {
  const spec = (shape: readonly Dim[]) => ({ dtype: "float64" as const, shape });
  const [n, m] = dims;
  return trace(
    ({ x, y, z }, g) => {
      const made: Value[] = [x, y, z];
      for (const [step, a, b, k] of list) {
        const next = steps[step]!(
          g,
          made[made.length - 1 - (a % Math.min(3, made.length))]!,
          made[b % made.length]!,
          k,
        );
        // sizes stay small: twice per element the whole runs
        if (next !== undefined && size(next, 0) * size(next, 1) <= 60) made.push(next);
      }
      const parts = made.map((value, i) => g.reduceMean(g.mul(g.sin(value), i + 1)));
      return { loss: g.sum(parts[0]!, ...parts.slice(1)) };
    },
    { x: spec([n!, m!]), y: spec([1, m!]), z: spec([m!, n!]) },
  );
}

function feed(shape: readonly number[], seed: number): Tensor {
  const random = randomNumbers(seed);
  const data = Float64Array.from({ length: shape[0]! * shape[1]! }, () => 3 * random() - 1.5);
  return new Tensor("float64", data, shape);
}

/** Runs graphs, each loaded once. */
function runner() {
  const sessions = new Map<string, ReturnType<typeof openOnnx>>();
  return async (graph: Graph, feeds: Readonly<Record<string, Tensor>>) => {
    const session = sessions.get(graph.sha256) ?? openOnnx(graph);
    sessions.set(graph.sha256, session);
    const names = new Set(graph.inputs.map(({ name }) => name));
    return (await session)(Object.fromEntries(Object.entries(feeds).filter(([name]) => names.has(name))));
  };
}

test("a composition of operators has the gradient of central differences", async () => {
  await fc.assert(
    fc.asyncProperty(program, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), async (list, n, m) => {
      const graph = build(list, [n, m]);
      const feeds = { x: feed([n, m], 1), y: feed([1, m], 2), z: feed([m, n], 3) };
      const errors = await checkGradient(graph, { of: "loss", wrt: ["x", "y", "z"], feeds, run: runner() });
      // differences of step 1e-5 in float64 are good to about 1e-8; curvature adds to that
      for (const { name, error, ...rest } of errors)
        expect(error, `${name} ${JSON.stringify(rest)}`).toBeLessThan(1e-5);
    }),
    { numRuns: 40, seed: 20261122 },
  );
});
