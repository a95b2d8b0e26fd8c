/** @file Tests of gradient: what it computes, control flow, custom rules, functions, messages. */

import { describe, expect, test } from "vitest";
import { randomTensor, runOnnx } from "../../test/run-onnx.js";
import { Graph } from "../graph/graph.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Attribute, GraphBody, Node } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { tableOf } from "../ops/infer.js";
import { defineOp } from "../ops/op.js";
import { loopOver } from "../ops/rounds.js";
import { trace } from "../ops/trace.js";
import { Tensor } from "../tensor/tensor.js";
import { checkDirection, checkGradient } from "./check.js";
import { gradient } from "./gradient.js";

const x = randomTensor([3, 2], 1);
const w = randomTensor([2, 2], 2);

async function worst(graph: Graph, feeds: Record<string, Tensor>, wrt = Object.keys(feeds)): Promise<number> {
  const errors = await checkGradient(graph, { of: "loss", wrt, feeds, run: runOnnx });
  return Math.max(...errors.map(({ error }) => error));
}

test("weights and inputs alike may be differentiated; weights keep their values", async () => {
  const graph = trace(({ x }, g) => ({ loss: x.matmul(g.parameter("w", w)).tanh().reduceSum() }), { x: ["n", 2] });
  const both = gradient(graph, { of: "loss", wrt: ["w", "x"] });
  expect(both.outputs).toEqual([
    { name: "loss", dtype: "float32", shape: [] },
    { name: "grad/w", dtype: "float32", shape: [2, 2] },
    { name: "grad/x", dtype: "float32", shape: ["n", 2] },
  ]);
  expect(both.initializers.get("w")!.tensor.data).toEqual(w.data);
  // float32 differences of step 1e-2 are good to about 1e-3
  expect(await worst(graph, { x }, ["w", "x"])).toBeLessThan(5e-3);
  expect((await checkDirection(graph, { of: "loss", wrt: ["w", "x"], feeds: { x }, run: runOnnx })).error).toBeLessThan(
    5e-3,
  );
});

test("computes nothing that nobody asked for, and shared parts once", () => {
  const graph = trace(({ x }, g) => ({ loss: x.matmul(g.parameter("w", w)).reduceSum() }), { x: [3, 2] });
  const count = (wrt: string[]) =>
    gradient(graph, { of: "loss", wrt }).nodes.filter(({ opType }) => opType === "MatMul").length;
  expect([count(["w"]), count(["x"]), count(["w", "x"])]).toEqual([2, 2, 3]);
  const shared = trace(
    ({ x }) => {
      const y = x.exp();
      return { loss: y.mul(y).add(y).reduceSum() };
    },
    { x: [3, 2] },
  );
  const types = gradient(shared, { of: "loss", wrt: ["x"] }).nodes.map(({ opType }) => opType);
  expect(types.filter((type) => type === "Exp")).toHaveLength(1);
});

test("an operator with a name and several results may be written out", async () => {
  const [w, r] = [randomTensor([2, 8, 2], 3), randomTensor([2, 8, 2], 4)];
  const graph = trace(
    ({ x }, g) => {
      const options = { hidden_size: 2, direction: "bidirectional" };
      const [all, last] = g.ops("LSTM", [x, g.parameter("w", w), g.parameter("r", r)], options, { outputs: 3 });
      return { loss: all!.reduceSum().add(last!.reduceSum()), all: all!, last: last! };
    },
    { x: [3, 1, 2] },
  );
  expect(graph.nodes.find(({ opType }) => opType === "LSTM")?.name).toBe("all");
  const feeds = { x: randomTensor([3, 1, 2], 5) };
  const errors = await checkGradient(graph, { of: "loss", wrt: ["w", "x"], feeds, run: runOnnx });
  // float32 differences of step 1e-2 are good to about 1e-3
  expect(Math.max(...errors.map(({ error }) => error))).toBeLessThan(5e-3);
});

test("the gradient of a turned factor is the turned product, of which no number is moved", async () => {
  const shapes = { q: [2, 3, 4], k: [2, 5, 4], heads: [2, 5, 3, 4] };
  const feeds = Object.fromEntries(Object.entries(shapes).map(([name, shape], i) => [name, randomTensor(shape, i)]));
  const graph = trace(({ q, k, heads }, g) => {
    const scores = q.matmul(k.transpose([0, 2, 1])).tanh();
    const apart = g.unsqueeze(q, [1]).matmul(heads.transpose([0, 2, 3, 1]));
    return { loss: scores.reduceSum().add(apart.tanh().reduceSum()) };
  }, shapes);
  expect(await worst(graph, feeds)).toBeLessThan(5e-3);
  const { nodes } = gradient(graph, { of: "loss", wrt: ["k", "heads"] });
  const [k, heads] = ["grad/k", "grad/heads"].map((name) => nodes.find(({ outputs }) => outputs[0] === name)!);
  expect(k!.opType).toBe("MatMul");
  expect(heads!.attrs.get("perm")!.value).toEqual([0, 2, 1, 3]);
});

test("what the scalar does not depend on has a gradient of zeros", async () => {
  const graph = trace(({ x, z }) => ({ loss: x.reduceSum(), z2: z.mul(2) }), { x: [2], z: ["n"] });
  const feeds = { x: randomTensor([2]), z: randomTensor([3]) };
  expect((await runOnnx(gradient(graph, { of: "loss", wrt: ["z"] }), feeds))["grad/z"]!.toNumbers()).toEqual([0, 0, 0]);
});

test("says what cannot be differentiated", () => {
  const graph = trace(({ x }, g) => ({ y: x.mul(2), loss: g.op("Det", [x]).reduceSum() }), { x: [2, 2] });
  expect(() => gradient(graph, { of: "y", wrt: ["x"] })).toThrow(
    'gradient: "y" must be a scalar, got shape [2, 2]; reduce it, with reduceMean() or a weighting',
  );
  expect(() => gradient(graph, { of: "loss", wrt: ["x"] })).toThrow(
    /^gradient: Det "Det" \(gradient\.test\.[jt]s:\d+\) of operator set 18 has no gradient rule; make a rule with defineOp and pass it in ops, or differentiate with respect to what comes after it$/,
  );
  expect(() => gradient(graph, { of: "los", wrt: ["x"] })).toThrow(
    'gradient: no tensor "los" in the graph; did you mean "loss"?',
  );
});

test("takes a rule for an operator of one's own in one object", async () => {
  const cube = defineOp({
    type: "Mul3",
    domain: "my",
    inputs: ["x"],
    infer: ({ x }) => ({ dtype: x.dtype, shape: x.shape }),
    grad: (g, { x, dy }) => ({ x: g.mul(dy, g.mul(g.square(x), 3)) }),
  });
  const graph = trace(
    ({ x }, g) => ({ loss: g.op("Mul3", [x], {}, { domain: "my" }).reduceSum() }),
    { x: [2] },
    { ops: tableOf([cube]) },
  );
  const back = gradient(graph, { of: "loss", wrt: ["x"], ops: [cube] }).cutAt(["grad/x"]);
  const result = await runOnnx(back, { x: new Tensor("float32", new Float32Array([1, 2])) });
  expect(result["grad/x"]!.toNumbers()).toEqual([3, 12]);
});

test("looks into a model's own functions", async () => {
  const node = (
    opType: string,
    inputs: string[],
    outputs: string[],
    attrs: [string, Attribute][] = [],
    domain = "",
  ): Node => {
    return { opType, domain, name: "", inputs, outputs, attrs: new Map(attrs) };
  };
  const base = trace(({ x }) => ({ loss: x.reduceSum() }), { x: [3] });
  const leaky: Attribute = { type: "ref", value: "slope" };
  const file = new Graph({
    ...base,
    nodes: [
      node("Twice", ["x"], ["y"], [["slope", { type: "int", value: 2 }]], "my"),
      node("ReduceSum", ["y"], ["loss"], [["keepdims", { type: "int", value: 0 }]]),
    ],
    opsets: new Map([
      ["", 18],
      ["my", 1],
    ]),
    functions: [
      {
        name: "Twice",
        domain: "my",
        inputs: ["a"],
        outputs: ["b"],
        opsets: new Map([["", 18]]),
        nodes: [
          node("Constant", [], ["k"], [["value_int", leaky]]),
          node("Cast", ["k"], ["kf"], [["to", { type: "int", value: 1 }]]),
          node("Mul", ["a", "kf"], ["b"]),
        ],
        more: functionMore(["slope"]),
      },
    ],
  });
  const reread = Graph.fromBytes(file.toBytes());
  const result = await runOnnx(gradient(reread, { of: "loss", wrt: ["x"] }), { x: randomTensor([3]) });
  expect(result["grad/x"]!.toNumbers()).toEqual([2, 2, 2]);
});

function functionMore(attribute: string[]) {
  const empty = Graph.fromBytes(trace(({ x }) => ({ y: x.neg() }), { x: [1] }).toBytes());
  // a function's remaining fields, as a file would have them
  return {
    $typeName: "onnx.FunctionProto",
    name: "Twice",
    domain: "my",
    input: ["a"],
    output: ["b"],
    attribute,
    node: [],
    docString: empty.name.slice(0, 0),
    opsetImport: [],
    attributeProto: [],
    valueInfo: [],
    overload: "",
    metadataProps: [],
  } as never;
}

describe("control flow", () => {
  test("If: only the branch that ran has a gradient", async () => {
    const graph = trace(
      ({ x, c }, g) => {
        const branch = (fn: (b: GraphBuilder) => Value): GraphBody => {
          const b = g.bodyBuilder();
          return b.body({ [b.fresh("out")]: fn(b) });
        };
        const [y] = g.ops("If", [c], {
          then_branch: branch((b) => b.mul(x, b.parameter("k", w))),
          else_branch: branch((b) => b.square(x)),
        });
        return { loss: y!.reduceSum() };
      },
      { x: [2, 2], c: { dtype: "bool", shape: [] } },
    );
    for (const c of [0, 1]) {
      const feeds = { x: randomTensor([2, 2]), c: new Tensor("bool", new Uint8Array([c]), []) };
      expect(await worst(graph, feeds, ["x"])).toBeLessThan(5e-3);
    }
  });

  test("Loop: states, what it captures and what it stacks", async () => {
    const graph = trace(
      ({ x, w, n }, g) => {
        const [state, all] = loopOver(g, n, [x], 1, (b, _, [s]) => {
          const next = b.tanh(b.matmul(s!, w));
          return [next, b.square(next)];
        });
        return { loss: state!.reduceSum().add(all!.reduceSum()) };
      },
      { x: [3, 2], w: [2, 2], n: { dtype: "int64", shape: [] } },
    );
    for (const n of [0n, 1n, 4n]) {
      const feeds = { x, w, n: new Tensor("int64", new BigInt64Array([n]), []) };
      expect(await worst(graph, feeds, ["x", "w"])).toBeLessThan(5e-3);
    }
  });

  test("Loop without states that ends before its count", async () => {
    const graph = trace(
      ({ x }, g) => {
        const b = g.bodyBuilder();
        const round = b.bodyInput("round", "int64", []);
        b.bodyInput("go", "bool", []);
        const part = b.mul(b.square(x), b.cast(b.add(round, 1), "float32"));
        const body = b.body({ [b.fresh("go")]: b.less(round, 2), [b.fresh("part")]: part }, "body");
        const [all] = g.ops("Loop", [g.constant(9, "int64"), g.constant(1, "bool")], { body }, { outputs: 1 });
        return { loss: all!.reduceSum() };
      },
      { x: [2, 2] },
    );
    expect(await worst(graph, { x: randomTensor([2, 2]) }, ["x"])).toBeLessThan(5e-3);
  });

  test.each([
    {},
    { scan_input_directions: [1], scan_output_directions: [1], scan_input_axes: [1], scan_output_axes: [1] },
  ])("Scan with %o", async (attrs) => {
    const graph = trace(
      ({ x, s, w }, g) => {
        const b = g.bodyBuilder();
        const state = b.bodyInput("state", "float32", [2]);
        const part = b.bodyInput("part", "float32", [2]);
        const next = b.sigmoid(b.add(b.matmul(state, w), part));
        const body = b.body({ [b.fresh("next")]: next, [b.fresh("out")]: b.mul(next, 3) });
        const [last, all] = g.ops("Scan", [s, x], { body, num_scan_inputs: 1, ...attrs }, { outputs: 2 });
        return { loss: last!.square().reduceSum().add(all!.square().reduceSum()) };
      },
      { x: "scan_input_axes" in attrs ? [2, 4] : [4, 2], s: [2], w: [2, 2] },
    );
    const feeds = { x: randomTensor("scan_input_axes" in attrs ? [2, 4] : [4, 2]), s: randomTensor([2], 5), w };
    expect(await worst(graph, feeds)).toBeLessThan(5e-3);
  });
});
