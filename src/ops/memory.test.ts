/** @file Tests of the memory estimate. */

import { expect, test } from "vitest";
import { GraphBuilder } from "../graph/graph-builder.js";
import { shapeRules } from "./infer.js";
import { estimateMemory } from "./memory.js";
import { loopOver } from "./rounds.js";
import { trace } from "./trace.js";

const graph = trace(
  ({ x }) => {
    const wide = x.expand([1, 1000]);
    return { y: wide.reshape([-1]).exp().reduceSum() };
  },
  { x: ["batch", 1] },
);

test("a tensor lives from the node that makes it to the last that reads it, through views", () => {
  // x, the expanded one and its exponentials: 8 * 4 + 2 * 8000 * 4 bytes
  const { peak, weights, unknown } = estimateMemory(graph, { batch: 8 });
  expect([peak, unknown]).toEqual([64_000, []]);
  expect(weights).toBe(8 * 3);
  expect(() => estimateMemory(graph)).toThrow('estimateMemory: the inputs have sizes "batch"; give a number for each');
});

test("the body of a loop counts while the loop runs, with the largest tensor by its name", () => {
  const g = new GraphBuilder({ rules: shapeRules() });
  const x = g.input("x", "float32", [10]);
  const [sum] = loopOver(g, g.constant(3, "int64"), [x], 0, (b, _, [state]) => {
    return [b.reduceSum(b.expand(state!, b.ints([100, 10])), { axes: [0] })];
  });
  // x, the round's number, the state, the expanded one and its sum
  const { peak, largest } = estimateMemory(g.finish({ sum: sum! }));
  expect([peak, largest]).toEqual([40 + 9 + 40 + 4000, { name: "Expand", bytes: 4000 }]);
});
