/** @file Names inside bodies of If make way for names that come from outside. */

import { expect, test } from "vitest";
import { runOnnx } from "../../test/run-onnx.js";
import { Tensor } from "../tensor/tensor.js";
import { Graph } from "./graph.js";
import type { GraphBody, Node } from "./types.js";

function node(opType: string, inputs: string[], output: string): Node {
  return { opType, domain: "", name: "", inputs, outputs: [output], attrs: new Map() };
}

function body(nodes: readonly Node[], inputs: readonly string[], output: string): GraphBody {
  const info = (name: string) => ({ name, dtype: "float32", shape: [2] });
  return {
    name: "body",
    nodes,
    inputs: inputs.map(info),
    outputs: [info(output)],
    initializers: new Map(),
    defaults: [],
    valueInfo: new Map(),
  };
}

function graphOf(main: GraphBody): Graph {
  const versions = { irVersion: 8, opsets: new Map([["", 18]]), functions: [], metadata: new Map<string, string>() };
  return new Graph({ ...main, ...versions });
}

/** out = y + x, y = exp(x), or -x: both branches capture x. */
const choice = (): Graph => {
  const then = body([node("Exp", ["x"], "y"), node("Add", ["y", "x"], "sum")], [], "sum");
  const branches = { then_branch: then, else_branch: body([node("Neg", ["x"], "minus")], [], "minus") };
  const attrs = Object.entries(branches).map(([name, value]) => [name, { type: "graph", value }] as const);
  const graph = body([{ ...node("If", ["yes"], "out"), attrs: new Map(attrs) }], ["x"], "out");
  const yes = { name: "yes", dtype: "bool", shape: [] };
  return graphOf({ ...graph, inputs: [...graph.inputs, yes] });
};

const two = (a: number, b: number) => new Tensor("float32", Float32Array.of(a, b), [2]);
const truth = (value: number) => new Tensor("bool", Uint8Array.of(value), []);

test.each(["y", "sum", "minus"])("an input renamed to a branch's own name, %s", async (name) => {
  const renamed = choice().rename({ x: name });
  const { out: sum } = await runOnnx(renamed, { [name]: two(0, 1), yes: truth(1) });
  expect(sum!.toNumbers()).toEqual([1, Math.fround(Math.E + 1)]);
  const { out: minus } = await runOnnx(renamed, { [name]: two(1, 2), yes: truth(0) });
  expect(minus!.toNumbers()).toEqual([-1, -2]);
});

test.each(["y", "sum", "minus"])("a graph appended to one whose output is called as in a branch, %s", async (name) => {
  const first = graphOf(body([node("Abs", ["a"], name)], ["a"], name));
  const both = first.append(choice(), { connect: { x: name } });
  const { out } = await runOnnx(both, { a: two(-1, 2), yes: truth(0) });
  expect(out!.toNumbers()).toEqual([-1, -2]);
});
