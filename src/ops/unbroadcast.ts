/** @file The gradient of broadcasting: what was stretched is summed back. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import type { DType } from "../tensor/dtype.js";
import { sameDim } from "./dims.js";

/** Sums `dy` over the dimensions along which `x` was stretched to it; gives a tensor of x's shape. */
export function sumTo(g: GraphBuilder, dy: Value, x: Value): Value {
  const [from, to] = [dy.shape, x.shape];
  if (from === undefined || to === undefined) return sumToAtRunTime(g, dy, x);
  const extra = from.length - to.length;
  const axes: number[] = [];
  for (let i = 0; i < from.length; i++) {
    const size = i < extra ? 1 : to[i - extra]!;
    if (i >= extra && (sameDim(from[i], size) || (size === from[i] && x.name === dy.name))) continue;
    if (i >= extra && typeof size !== "number") return sumToAtRunTime(g, dy, x);
    if (i >= extra && size !== 1) continue;
    axes.push(i);
  }
  if (axes.length === 0) return dy;
  if (axes.every((axis, i) => axis === i) && axes.length < from.length && from.at(-1) !== 1 && hasFastProduct(dy))
    return g.reshape(columnSums(g, dy, axes.length), g.shapeLike(x), { allowZero: true });
  if (axes.every((axis) => axis < extra)) return g.reduceSum(dy, { axes, keepdims: false });
  const summed = g.reduceSum(dy, { axes, keepdims: true });
  return extra === 0
    ? summed
    : g.squeeze(
        summed,
        axes.filter((axis) => axis < extra),
      );
}

/** Sums over the first `count` dimensions, as a vector: a product with ones, up to ten times faster than ReduceSum. */
function columnSums(g: GraphBuilder, x: Value, count: number): Value {
  const rows = g.flatten(x, count);
  const size = rows.shape?.[0];
  const ones = g.fill(typeof size === "number" ? g.ints([size]) : g.shapeOf(rows, { end: 1 }), 1, x.dtype as DType);
  return g.matmul(ones, rows);
}

/** Whether the runtime multiplies matrices of this dtype fast. */
export function hasFastProduct({ dtype }: Value): boolean {
  return dtype === "float32" || dtype === "float64";
}

/** The same where the sizes are known only when the graph runs: the axes to sum over are computed. */
function sumToAtRunTime(g: GraphBuilder, dy: Value, x: Value): Value {
  const target = g.shapeOf(x);
  const from = g.shapeOf(dy);
  const extra = g.sub(g.sizeOf(from), g.sizeOf(target));
  const ones = g.fill(g.reshape(extra, [1]), 1, "int64");
  const padded = g.concat(ones, [target], { axis: 0 });
  const stretched = g.not(g.equal(padded, from));
  const axes = g.squeeze(g.op("NonZero", [stretched]), [0]);
  const summed = g.op("ReduceSum", [dy, axes], { keepdims: 1, noop_with_empty_axes: 1 });
  return g.reshape(summed, target, { allowZero: true });
}
