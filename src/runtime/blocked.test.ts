import { describe, expect, test } from "vitest";
import { maxDifference, randomTensor, runOnnx } from "../../test/run-onnx.js";
import type { Graph } from "../graph/graph.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { bodiesOf } from "../graph/scope.js";
import type { GraphBody } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { shapeRules } from "../ops/infer.js";
import { loopOver } from "../ops/rounds.js";
import { fitToMachine, withBlockedConvolutions } from "./blocked.js";

const blockedIn = (body: GraphBody): number =>
  body.nodes.filter(({ opType, domain }) => opType === "Conv" && domain !== "").length +
  body.nodes.flatMap(bodiesOf).reduce((sum, inner) => sum + blockedIn(inner), 0);

const feeds = {
  x: randomTensor([2, 32, 7, 6], 1),
  w: randomTensor([64, 32, 3, 3], 2),
  each: randomTensor([64, 1, 3, 3], 3),
  bias: randomTensor([64], 4),
};

/** Convolutions one after the other, of weights that are fed. */
function stack(): Graph {
  const g = new GraphBuilder({ rules: shapeRules() });
  const [x, w, each, bias] = Object.entries(feeds).map(([name, { dtype, shape }]) => {
    return g.input(name, dtype, name === "x" ? ["batch", ...shape.slice(1)] : shape);
  }) as [Value, Value, Value, Value];
  const wide = g.conv(x, w, bias, { kernel: [3, 3], autoPad: "SAME_UPPER", strides: [1, 2] });
  return g.finish({
    y: g.conv(g.relu(wide), each, undefined, { kernel: [3, 3], group: 64, dilations: [2, 1] }),
  });
}

test("convolutions of fed weights give the same in blocks", async () => {
  const graph = stack();
  const fitted = await fitToMachine(graph);
  expect([0, 2]).toContain(blockedIn(fitted));
  const [{ y }, { y: wanted }] = [await runOnnx(fitted, feeds), await runOnnx(graph, feeds)];
  expect(y!.shape).toEqual(wanted!.shape);
  // sums of 288 products in another order
  expect(maxDifference(y!, wanted!)).toBeLessThan(2e-4);
});

test("so do those in a loop, whose weights change from round to round", async () => {
  const g = new GraphBuilder({ rules: shapeRules() });
  const x = g.input("x", "float32", [1, 32, 5, 5]);
  const w = g.input("w", "float32", [32, 32, 3, 3]);
  const count = g.constant(3, "int64");
  const [last] = loopOver(g, count, [w], 0, (b, _, [now]) => {
    const y = b.conv(x, now!, undefined, { kernel: [3, 3], pads: [1, 1, 1, 1] });
    return [b.mul(now!, b.reduceMean(b.tanh(y)))];
  });
  const graph = g.finish({ w3: last! });
  const given = { x: randomTensor([1, 32, 5, 5], 1), w: randomTensor([32, 32, 3, 3], 2) };
  const [{ w3 }, { w3: wanted }] = [await runOnnx(await fitToMachine(graph), given), await runOnnx(graph, given)];
  expect(maxDifference(w3!, wanted!)).toBeLessThan(1e-4);
});

test("pictures that several convolutions read are put in blocks once, also where their planes become weights", async () => {
  const g = new GraphBuilder({ rules: shapeRules() });
  const [x, dy] = [g.input("x", "float32", [2, 16, 6, 5]), g.input("dy", "float32", [2, 16, 4, 3])];
  const y = g.conv(x, g.input("w", "float32", [16, 1, 3, 3]), undefined, { kernel: [3, 3], group: 16 });
  const planes = g.conv(g.reshape(x, [1, 32, 6, 5]), g.reshape(dy, [32, 1, 4, 3]), undefined, {
    kernel: [4, 3],
    group: 32,
  });
  const graph = g.finish({ y, planes });
  const fitted = await fitToMachine(graph);
  // x, dy and w
  if (blockedIn(fitted) > 0) expect(fitted.nodes.filter(({ opType }) => opType === "ReorderInput")).toHaveLength(3);
  const given = {
    x: randomTensor([2, 16, 6, 5], 1),
    w: randomTensor([16, 1, 3, 3], 2),
    dy: randomTensor([2, 16, 4, 3], 3),
  };
  const [found, wanted] = [await runOnnx(fitted, given), await runOnnx(graph, given)];
  expect(maxDifference(found.y!, wanted.y!)).toBeLessThan(1e-5);
  expect(maxDifference(found.planes!, wanted.planes!)).toBeLessThan(1e-5);
});

describe("transposed convolutions with strides give the same in blocks", () => {
  const cases: readonly [string, Parameters<GraphBuilder["convTranspose"]>[3] & { kernel: readonly number[] }][] = [
    ["3x3, even sizes", { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], outputPadding: [1, 1] }],
    ["3x3, odd sizes", { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
    ["4x5, unlike strides", { kernel: [4, 5], strides: [3, 1], pads: [1, 2, 0, 2] }],
    ["2x2, side by side", { kernel: [2, 2], strides: [2, 2] }],
  ];
  test.each(cases)("%s", async (_, options) => {
    const g = new GraphBuilder({ rules: shapeRules() });
    const given = {
      x: randomTensor([2, 32, 5, 4], 1),
      w: randomTensor([32, 16, ...options.kernel], 2),
      bias: randomTensor([16], 3),
    };
    const [x, w, bias] = Object.entries(given).map(([name, { dtype, shape }]) => g.input(name, dtype, shape));
    const graph = g.finish({ y: g.convTranspose(x!, w!, bias, options) });
    const fitted = await fitToMachine(graph);
    const phases = options.strides!.reduce((a, b) => a * b, 1);
    expect([0, phases]).toContain(blockedIn(fitted));
    const [{ y }, { y: wanted }] = [await runOnnx(fitted, given), await runOnnx(graph, given)];
    expect(y!.shape).toEqual(wanted!.shape);
    expect(maxDifference(y!, wanted!)).toBeLessThan(2e-4);
  });
});

test("constant weights are left to the runtime, and so are channels that fill no block", () => {
  const g = new GraphBuilder({ rules: shapeRules() });
  const x = g.input("x", "float32", ["batch", 16, 8, 8]);
  const options = { kernel: [3, 3] };
  const y = g.conv(x, g.parameter("w", randomTensor([16, 16, 3, 3])), undefined, options);
  const fed = g.conv(y, g.input("fed", "float32", [20, 16, 3, 3]), undefined, options);
  const odd = g.conv(x, g.input("odd", "float32", [16, 8, 3, 3]), undefined, { ...options, group: 2 });
  const one = g.input("one", "float32", [16, 16, 1, 1]);
  const product = g.conv(x, one, undefined, { kernel: [1, 1] });
  // no window of one place sees the odd results
  const apart = g.convTranspose(g.input("z", "float32", [1, 16, 8, 8]), one, undefined, {
    kernel: [1, 1],
    strides: [2, 2],
  });
  const graph = g.finish({ a: fed, b: odd, c: product, d: apart });
  expect(withBlockedConvolutions(graph, 16)).toBe(graph);
  expect(blockedIn(withBlockedConvolutions(graph, 4))).toBe(1);
});

test("without such kernels nothing changes", () => {
  const graph = stack();
  expect(withBlockedConvolutions(graph, 1)).toBe(graph);
});
