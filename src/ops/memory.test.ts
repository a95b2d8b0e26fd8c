/** @file Tests of the memory estimate. */

import { expect, test } from "vitest";
import { estimateMemory } from "./memory.js";
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
