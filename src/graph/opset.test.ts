/** @file Tests of raising the operator set: old forms of operators give the same values in their new ones. */

import { describe, expect, test } from "vitest";
import { maxDifference, randomTensor, runOnnx } from "../../test/run-onnx.js";
import { Tensor } from "../tensor/tensor.js";
import { Graph } from "./graph.js";
import { StoredTensor } from "./stored-tensor.js";
import type { Attribute, Node } from "./types.js";

interface Old {
  readonly opType: string;
  readonly opset: number;
  readonly attrs?: Readonly<Record<string, Attribute>>;
  /** Constants after the first input. */
  readonly constants?: Readonly<Record<string, Tensor>>;
  readonly outputs?: number;
}

const int = (value: number): Attribute => ({ type: "int", value });
const ints = (...value: number[]): Attribute => ({ type: "ints", value });
const real = (value: number): Attribute => ({ type: "float", value });
const vector = (...values: number[]) => new Tensor("float32", Float32Array.from(values));

function graphOf({ opType, opset, attrs = {}, constants = {}, outputs = 1 }: Old): Graph {
  const names = Array.from({ length: outputs }, (_, i) => `y${i}`);
  const node: Node = {
    opType,
    domain: "",
    name: "old",
    inputs: ["x", ...Object.keys(constants)],
    outputs: names,
    attrs: new Map(Object.entries(attrs)),
  };
  return new Graph({
    name: "old",
    nodes: [node],
    inputs: [{ name: "x", dtype: "float32", shape: [1, 4, 3, 2] }],
    outputs: names.map((name) => ({ name, dtype: undefined, shape: undefined })),
    initializers: new Map(Object.entries(constants).map(([name, tensor]) => [name, StoredTensor.of(tensor)])),
    defaults: [],
    valueInfo: new Map(),
    irVersion: 4,
    opsets: new Map([["", opset]]),
    functions: [],
    metadata: new Map(),
  });
}

const x = randomTensor([1, 4, 3, 2]);

describe("an operator of an older set", () => {
  test.each<Old>([
    { opType: "Slice", opset: 9, attrs: { starts: ints(1, 0), ends: ints(3, 2), axes: ints(1, 2) } },
    { opType: "TopK", opset: 9, attrs: { k: int(2), axis: int(1) }, outputs: 2 },
    { opType: "Clip", opset: 10, attrs: { min: real(-0.5), max: real(0.5) } },
    { opType: "Clip", opset: 10, attrs: { max: real(0.5) } },
    { opType: "Pad", opset: 10, attrs: { pads: ints(0, 0, 1, 1, 0, 0, 0, 2), value: real(3) } },
    { opType: "Dropout", opset: 10, attrs: { ratio: real(0.3) } },
    { opType: "Unsqueeze", opset: 11, attrs: { axes: ints(0, 2) } },
    { opType: "Squeeze", opset: 11, attrs: { axes: ints(0) } },
    { opType: "ReduceSum", opset: 11, attrs: { axes: ints(1), keepdims: int(0) } },
    { opType: "ReduceMean", opset: 13, attrs: { axes: ints(2, 3) } },
    { opType: "ReduceL2", opset: 11, attrs: { keepdims: int(0) } },
    { opType: "Split", opset: 11, attrs: { axis: int(1), split: ints(1, 3) }, outputs: 2 },
    { opType: "Split", opset: 13, attrs: { axis: int(1) }, outputs: 2 },
    { opType: "Softmax", opset: 11 },
    { opType: "Softmax", opset: 11, attrs: { axis: int(2) } },
    { opType: "LogSoftmax", opset: 12, attrs: { axis: int(-1) } },
    { opType: "Upsample", opset: 8, attrs: { scales: { type: "floats", value: [1, 1, 2, 2] } } },
    { opType: "Resize", opset: 10, constants: { scales: vector(1, 1, 2, 3) } },
    {
      opType: "BatchNormalization",
      opset: 8,
      constants: { a: vector(1, 2, 3, 4), b: vector(0, 1, 0, 1), mean: vector(0, 0, 1, 1), var: vector(1, 2, 1, 2) },
    },
  ])("$opType from set $opset gives the same", async (old) => {
    const graph = graphOf(old);
    const before = await runOnnx(graph, { x });
    const raised = graph.atOpset(18);
    expect(raised.opsets.get("")).toBe(18);
    const after = await runOnnx(raised, { x });
    for (const [name, tensor] of Object.entries(before)) {
      expect(after[name]!.shape).toEqual(tensor.shape);
      expect(maxDifference(after[name]!, tensor)).toBeLessThan(1e-6);
    }
  });

  const cast = (to: number): Node => {
    const attrs = new Map([["to", int(to)]]);
    return { opType: "Cast", domain: "", name: "", inputs: ["x"], outputs: ["cast"], attrs };
  };
  test.each([
    { opType: "Clip", attrs: { min: real(-0.5), max: real(0.5) }, dtype: "float16" },
    { opType: "Pad", attrs: { pads: ints(0, 0, 1, 1, 0, 0, 0, 2), value: real(3) }, dtype: "float16" },
    { opType: "Pad", attrs: { pads: ints(0, 0, 1, 1, 0, 0, 0, 2), value: real(3) }, dtype: "float64" },
  ])("$opType of $dtype gets constants of $dtype", async ({ opType, attrs, dtype }) => {
    const graph = graphOf({ opType, opset: 10, attrs });
    const [old] = graph.nodes;
    const back: Node = { ...cast(1), inputs: ["inside"], outputs: ["y0"] };
    const inside: Node = { ...old!, inputs: ["cast"], outputs: ["inside"] };
    const typed = graph.with({ nodes: [cast(dtype === "float16" ? 10 : 11), inside, back] });
    const [before, after] = await Promise.all([typed, typed.atOpset(18)].map((g) => runOnnx(g, { x })));
    // where it has no kernel for halves, the runtime works in float32 and may round later
    expect(maxDifference(before!.y0!, after!.y0!)).toBeLessThan(2e-3);
  });

  test("that has no new form says why", () => {
    const graph = graphOf({
      opType: "GroupNormalization",
      opset: 18,
      attrs: { num_groups: int(2) },
      constants: { s: vector(1, 1), b: vector(0, 0) },
    });
    expect(() => graph.atOpset(21)).toThrow(
      'Graph.atOpset: GroupNormalization "old" cannot go from operator set 18 to 21: its scale and bias are now one per channel',
    );
    expect(() => graph.atOpset(13)).toThrow(
      "Graph.atOpset: cannot bring operator set 18 to 13; conversion goes upward, from 7 to 26",
    );
  });
});

test("graphs of different sets are appended at the higher one", async () => {
  const first = graphOf({ opType: "Clip", opset: 10, attrs: { min: real(0) } });
  const second = graphOf({ opType: "ReduceMean", opset: 18, constants: {} }).rename({ y0: "mean" });
  const both = first.append(second, { connect: { x: "y0" } });
  expect(both.opsets.get("")).toBe(18);
  const { mean } = await runOnnx(both, { x });
  const expected = x.toNumbers().reduce((sum, value) => sum + Math.max(value, 0), 0) / x.size;
  expect(mean!.toNumbers()[0]).toBeCloseTo(expected, 6);
});
