/** @file Reductions: sums, means, norms and extremes over some or all dimensions. */

import { ShapeError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { axisOf } from "./dims.js";
import { defineOp } from "./op.js";

interface ReduceAttrs {
  readonly keepdims: number;
  readonly noop_with_empty_axes: number;
}

/** Shape of a reduction: without the axes, or with size 1 there. */
export function reduceKnown(x: Known, axes: Known | undefined, attrs: ReduceAttrs): Known {
  if (x.shape === undefined) return { dtype: x.dtype, shape: undefined };
  const { shape } = x;
  const given = axes === undefined ? [] : axes.elements;
  if (given === undefined)
    return { dtype: x.dtype, shape: attrs.keepdims !== 0 ? shape.map((): Dim => "?") : undefined };
  if (given.length === 0 && attrs.noop_with_empty_axes !== 0) return { dtype: x.dtype, shape };
  const reduced = new Set(
    given.length === 0 ? shape.keys() : given.map((axis) => axisOf(Number(axis), shape.length, "reduction")),
  );
  if (attrs.keepdims !== 0) return { dtype: x.dtype, shape: shape.map((dim, i) => (reduced.has(i) ? 1 : dim)) };
  return { dtype: x.dtype, shape: shape.filter((_, i) => !reduced.has(i)) };
}

/** A reduced tensor with its axes back as dimensions of size 1, so that it broadcasts against `x`. */
export function withAxes(
  g: GraphBuilder,
  reduced: Value,
  x: Value,
  axes: Value | undefined,
  attrs: ReduceAttrs,
): Value {
  if (attrs.keepdims !== 0) return reduced;
  if (axes === undefined || axes.elements?.length === 0) {
    if (axes !== undefined && attrs.noop_with_empty_axes !== 0) return reduced;
    if (x.rank === undefined) throw new ShapeError("reduction", "its gradient needs the number of dimensions");
    return g.reshape(reduced, new Array<number>(x.rank).fill(1));
  }
  return g.unsqueeze(reduced, axes);
}

const attrs = { keepdims: 1, noop_with_empty_axes: 0 };

export const reduceSum = defineOp({
  type: "ReduceSum",
  inputs: ["x", "axes?"],
  attrs,
  infer: ({ x, axes }, given) => reduceKnown(x, axes, given),
  grad: (g, { x, axes, dy, attrs: given }) => ({
    x: g.expand(withAxes(g, dy, x, axes, given), g.shapeLike(x)),
    axes: null,
  }),
});
