/** @file Reductions over some or all dimensions: sums, means, norms, extremes, products. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { axisOf, mulDims } from "./dims.js";
import { defineOp, ints } from "./op.js";

interface ReduceAttrs {
  readonly keepdims: number;
  readonly noop_with_empty_axes: number;
  /** Where axes are an attribute: before version 13 (ReduceSum) or 18. */
  readonly axes?: readonly number[] | undefined;
}

/** Shape of a reduction: without the axes, or with size 1 there. */
export function reduceKnown(x: Known, axes: Known | undefined, attrs: ReduceAttrs): Known {
  if (x.shape === undefined) return { dtype: x.dtype, shape: undefined };
  const { shape } = x;
  const given = axes === undefined ? (attrs.axes ?? []) : axes.elements;
  if (given === undefined)
    return { dtype: x.dtype, shape: attrs.keepdims !== 0 ? shape.map((): Dim => "?") : undefined };
  if (given.length === 0 && attrs.noop_with_empty_axes !== 0) return { dtype: x.dtype, shape };
  const reduced = new Set(
    given.length === 0 ? shape.keys() : given.map((axis) => axisOf(Number(axis), shape.length, "reduction")),
  );
  if (attrs.keepdims !== 0) return { dtype: x.dtype, shape: shape.map((dim, i) => (reduced.has(i) ? 1 : dim)) };
  return { dtype: x.dtype, shape: shape.filter((_, i) => !reduced.has(i)) };
}

/** A reduced tensor with its axes back as dimensions of size 1, so that it broadcasts against the unreduced one. */
export function withAxes(g: GraphBuilder, reduced: Value, axes: Value | undefined, attrs: ReduceAttrs): Value {
  // without axes it is a scalar, or nothing was reduced
  if (attrs.keepdims !== 0 || axes === undefined || axes.elements?.length === 0) return reduced;
  return g.unsqueeze(reduced, axes);
}

interface Reduced {
  readonly x: Value;
  /** Result and its gradient, with the reduced dimensions as 1. */
  readonly y: Value;
  readonly dy: Value;
  /** Another reduction of a tensor like x over the same axes. */
  readonly again: (type: string, of: Value) => Value;
}

function reduction(type: string, gradient: (g: GraphBuilder, r: Reduced) => Value) {
  return defineOp({
    type,
    inputs: ["x", "axes?"],
    attrs: { keepdims: 1, noop_with_empty_axes: 0, axes: ints() },
    infer: ({ x, axes }, attrs) => reduceKnown(x, axes, attrs),
    grad(g, { x, axes, y, dy, attrs }) {
      const { noop_with_empty_axes } = attrs;
      const wide = (reduced: Value) => withAxes(g, reduced, axes, attrs);
      const again = (other: string, of: Value) => g.op(other, [of, axes], { keepdims: 1, noop_with_empty_axes });
      return { x: gradient(g, { x, y: wide(y), dy: wide(dy), again }), axes: null };
    },
  });
}

/** dy for every element of x. */
const spread = (g: GraphBuilder, dy: Value, x: Value) => g.expand(dy, g.shapeLike(x));

export const reduceSum = reduction("ReduceSum", (g, { x, dy }) => spread(g, dy, x));

export const reduceMean = reduction("ReduceMean", (g, { x, y, dy }) => {
  const [all, left] = [x, y].map(({ shape }) => (shape === undefined ? "?" : mulDims(...shape)));
  if (typeof all === "number" && typeof left === "number" && all > 0 && left > 0)
    return spread(g, g.div(dy, all / left), x);
  // as float64: sizes beyond 2^24 stay exact, and nothing divides by a whole zero
  const count = g.div(g.cast(g.sizeOf(x), "float64"), g.cast(g.sizeOf(y), "float64"));
  return spread(g, g.div(dy, g.cast(count, dy.dtype ?? "float32")), x);
});

export const reduceSumSquare = reduction("ReduceSumSquare", (g, { x, dy }) => g.mul(dy, g.mul(x, 2)));

export const reduceL1 = reduction("ReduceL1", (g, { x, dy }) => g.mul(dy, g.sign(x)));

// y = sqrt(sum(x²))  =>  dx = dy x / y; 0 at 0, as in PyTorch
export const reduceL2 = reduction("ReduceL2", (g, { x, y, dy }) => {
  return g.where(g.equal(y, 0), 0, g.mul(x, g.div(dy, y)));
});

// y = ln(sum(x))  =>  dx = dy / sum(x)
export const reduceLogSum = reduction("ReduceLogSum", (g, { x, y, dy }) => spread(g, g.mul(dy, g.exp(g.neg(y))), x));

// y = ln(sum(exp(x)))  =>  dx = dy exp(x - y)
export const reduceLogSumExp = reduction("ReduceLogSumExp", (g, { x, y, dy }) => g.mul(dy, g.exp(g.sub(x, y))));

/** Equal extremes share the gradient, as with PyTorch's amax and amin. */
function shareAmongExtremes(g: GraphBuilder, { x, y, dy, again }: Reduced): Value {
  const mask = g.cast(g.equal(x, y), dy.dtype ?? "float32");
  return g.mul(mask, g.div(dy, again("ReduceSum", mask)));
}

export const reduceMax = reduction("ReduceMax", shareAmongExtremes);
export const reduceMin = reduction("ReduceMin", shareAmongExtremes);

// dx = dy * product of the others: y / x where nothing is zero; of several zeros none has a gradient
export const reduceProd = reduction("ReduceProd", (g, { x, dy, again }) => {
  const isZero = g.equal(x, 0);
  const zeros = g.cast(isZero, dy.dtype ?? "float32");
  const nonZero = g.where(isZero, 1, x);
  const others = g.div(again("ReduceProd", nonZero), nonZero);
  const otherZeros = g.sub(again("ReduceSum", zeros), zeros);
  return g.mul(dy, g.where(g.greater(otherZeros, 0), 0, others));
});
