import { expect, test } from "vitest";
import { differentiate } from "../autodiff/gradient.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { shapeRules } from "./infer.js";
import { multiplicationsOf } from "./work.js";

/** The sum of an LSTM's results: 5 steps, batch 2, 3 inputs, 4 units. */
function lstm(direction: string) {
  const g = new GraphBuilder({ rules: shapeRules() });
  const directions = direction === "bidirectional" ? 2 : 1;
  const x = g.input("x", "float32", [5, 2, 3]);
  const w = g.input("w", "float32", [directions, 16, 3]);
  const r = g.input("r", "float32", [directions, 16, 4]);
  const [y] = g.ops("LSTM", [x, w, r], { hidden_size: 4, direction }, { outputs: 3 });
  return { g, w, loss: g.reduceSum(y!) };
}

test("an LSTM is differentiated as one operator, its gates made again", () => {
  const { g, w, loss } = lstm("reverse");
  expect(differentiate(g, [...g.nodes], loss, [w])[0]!.shape).toEqual([1, 16, 3]);
  const types = g.nodes.map(({ opType }) => opType);
  expect(types.filter((type) => type === "LSTM")).toHaveLength(1);
  expect(types.filter((type) => type === "Sigmoid")).toHaveLength(3);
});

test("a form that has to be written out first says so", () => {
  const { g, w, loss } = lstm("bidirectional");
  expect(() => differentiate(g, [...g.nodes], loss, [w])).toThrow(
    "LSTM: this form has no gradient where a graph is built; differentiate the finished graph",
  );
});

test("its products count as work", () => {
  expect(multiplicationsOf(lstm("forward").g)).toBe(5 * 2 * 16 * (3 + 4));
});
