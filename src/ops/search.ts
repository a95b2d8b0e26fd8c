/** @file Searching and running along an axis: ArgMax, ArgMin, TopK, CumSum, Hardmax. */

import type { Known } from "../graph/known.js";
import { axisOf } from "./dims.js";
import { defineOp } from "./op.js";
import { reduceKnown } from "./reduce.js";
import { like } from "./unary.js";

function argOf(type: string) {
  return defineOp({
    type,
    inputs: ["x"],
    attrs: { axis: 0, keepdims: 1, select_last_index: 0 },
    infer({ x }, { axis, keepdims }) {
      return { ...reduceKnown(x, undefined, { keepdims, noop_with_empty_axes: 0, axes: [axis] }), dtype: "int64" };
    },
    grad: null,
  });
}

export const argMax = argOf("ArgMax");
export const argMin = argOf("ArgMin");

export const topK = defineOp({
  type: "TopK",
  inputs: ["x", "k"],
  outputs: ["values", "indices"],
  attrs: { axis: -1, largest: 1, sorted: 1 },
  infer({ x, k }, { axis }): Known[] {
    const shape = x.shape?.with(axisOf(axis, x.shape.length, "TopK"), k.elements?.[0] ?? "?");
    return [
      { dtype: x.dtype, shape },
      { dtype: "int64", shape },
    ];
  },
  grad(g, { x, indices, dvalues, attrs: { axis } }) {
    return { x: dvalues === undefined ? null : g.scatterElements(g.zerosLike(x), indices, dvalues, { axis }), k: null };
  },
});

export const cumSum = defineOp({
  type: "CumSum",
  inputs: ["x", "axis"],
  attrs: { exclusive: 0, reverse: 0 },
  infer: ({ x }) => like(x),
  // an element counts in all sums after it: the same sum from the other end
  grad: (g, { axis, dy, attrs: { exclusive, reverse } }) => ({
    x: g.cumSum(dy, axis, { exclusive: exclusive !== 0, reverse: reverse === 0 }),
    axis: null,
  }),
});

export const hardmax = defineOp({
  type: "Hardmax",
  inputs: ["x"],
  attrs: { axis: -1 },
  infer: ({ x }) => like(x),
  grad: null,
});
