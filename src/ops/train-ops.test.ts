/** @file Tests of gradients that no row of the conformance table can hold: chance, rounding, what has none. */

import { expect, test } from "vitest";
import { randomTensor, runOnnx } from "../../test/run-onnx.js";
import { gradient } from "../autodiff/gradient.js";
import { float } from "../graph/attributes.js";
import { bodiesOf } from "../graph/scope.js";
import { Tensor } from "../tensor/tensor.js";
import { loopOver } from "./rounds.js";
import { trace } from "./trace.js";

const x = randomTensor([40, 5]);

test.each([1, 2])("Dropout with %i outputs passes the gradient where it passed the element", async (outputs) => {
  const graph = trace(
    ({ x }, g) => {
      const [y] = g.ops(
        "Dropout",
        [x, g.constant(0.25), g.constant(new Tensor("bool", new Uint8Array([1]), []))],
        {},
        { outputs },
      );
      return { y: y!, loss: y!.reduceSum() };
    },
    { x: [40, 5] },
  );
  const { y, "grad/x": grad } = await runOnnx(gradient(graph, { of: "loss", wrt: ["x"] }), { x });
  const expected = y!.toNumbers().map((value) => (value === 0 ? 0 : Math.fround(1 / 0.75)));
  expect(grad!.toNumbers()).toEqual(expected);
  expect(new Set(expected).size).toBe(2);
});

test("quantization passes the gradient straight through inside its range", async () => {
  const graph = trace(
    ({ x, s }, g) => {
      const zero = g.constant(new Tensor("int8", new Int8Array([10]), []));
      const q = g.op("QuantizeLinear", [x, s, zero]);
      return { loss: g.op("DequantizeLinear", [q, s, zero]).reduceSum() };
    },
    { x: [4], s: [] },
  );
  const values = new Tensor("float32", new Float32Array([0.26, -0.3, 50, -50]));
  const s = new Tensor("float32", new Float32Array([0.1]), []);
  const made = await runOnnx(gradient(graph, { of: "loss", wrt: ["x", "s"] }), { x: values, s });
  // -50 and 50 lie outside -13.8 ... 11.7
  expect(made["grad/x"]!.toNumbers()).toEqual([1, 1, 0, 0]);
  // rounding errors inside, bounds outside: (3 - 2.6) + (-3 + 3) + 117 - 138
  expect(made["grad/s"]!.toNumbers()[0]).toBeCloseTo(0.4 + 0 + 117 - 138, 4);
});

test("a label that is all but impossible has a finite loss; the logarithms stay what they were", async () => {
  const graph = trace(
    ({ scores, labels }, g) => {
      const [loss, logs] = g.ops("SoftmaxCrossEntropyLoss", [scores!, labels!], {}, { outputs: 2 });
      return { loss: loss!, logs: logs! };
    },
    { scores: [1, 3], labels: { shape: [1], dtype: "int64" } },
  );
  const feeds = {
    scores: new Tensor("float32", new Float32Array([200, -200, 0]), [1, 3]),
    labels: new Tensor("int64", BigInt64Array.of(1n)),
  };
  const found = await runOnnx(gradient(graph, { of: "loss", wrt: ["scores"] }), feeds);
  expect(found.loss!.toNumbers()).toEqual([400]);
  expect(found.logs!.toNumbers()).toEqual([0, -400, -200]);
  expect(found["grad/scores"]!.toNumbers()).toEqual([1, -1, 0]);
});

test("a loop's body holds only what its outputs need", () => {
  const graph = trace(
    ({ x }, g) => {
      const [last] = loopOver(g, g.constant(2, "int64"), [x!], 0, (b, _, [state]) => {
        b.exp(state!);
        return [b.tanh(state!)];
      });
      return { y: last! };
    },
    { x: [3] },
  );
  const [body] = graph.nodes.flatMap(bodiesOf);
  expect(body!.nodes.map(({ opType }) => opType)).toEqual(["Tanh", "Identity"]);
});

test("what is drawn at random has no gradient, what scales it has", async () => {
  const graph = trace(
    ({ x }, g) => ({
      loss: g
        .op("RandomNormalLike", [x], { seed: float(1) })
        .mul(x)
        .reduceSum(),
    }),
    { x: [3] },
  );
  const ones = new Tensor("float32", new Float32Array([1, 1, 1]));
  const { loss, "grad/x": grad } = await runOnnx(gradient(graph, { of: "loss", wrt: ["x"] }), { x: ones });
  const sum = grad!.toNumbers().reduce((a, b) => a + b);
  expect(sum).toBeCloseTo(loss!.toNumbers()[0]!, 5);
});

test("operators on lists of tensors say what to write instead", () => {
  const graph = trace(
    ({ x }, g) => {
      const list = g.op("SequenceConstruct", [x, x]);
      return { loss: g.op("SequenceAt", [list, g.constant(0, "int64")]).reduceSum() };
    },
    { x: [3] },
  );
  expect(() => gradient(graph, { of: "loss", wrt: ["x"] })).toThrow(
    /^gradient: SequenceAt "SequenceAt" \(train-ops\.test\.[jt]s:\d+\) of operator set 18 has no gradient rule: lists of tensors are not differentiated; write Split, Concat or Slice on one tensor, or a Loop; or make a rule with defineOp and pass it in ops, or differentiate with respect to what comes after it$/,
  );
});
