/** @file Resize: the gradient takes each axis back through the transpose of its own interpolation matrix. */

import { GraphError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import type { DType } from "../tensor/dtype.js";
import { sizeOf } from "../tensor/shape.js";
import { axisOf, type Dims, mulDims, sameDim } from "./dims.js";
import { rankOf } from "./normalize.js";
import { defineOp, float, ints } from "./op.js";

const attrs = {
  mode: "nearest",
  coordinate_transformation_mode: "half_pixel",
  nearest_mode: "round_prefer_floor",
  cubic_coeff_a: float(-0.75),
  exclude_outside: 0,
  extrapolation_value: float(0),
  antialias: 0,
  axes: ints(),
  keep_aspect_ratio_policy: "stretch",
};

/** The size along an axis after scaling. */
function scaled(size: Dim, scale: number | undefined): Dim {
  if (scale === 1) return size;
  if (scale === undefined) return "?";
  if (typeof size === "number") return Math.floor(size * scale);
  return Number.isInteger(scale) ? mulDims(scale, size) : "?";
}

const numbersOf = (known: Known | undefined) =>
  known?.constant === undefined ? undefined : known.constant.tensor.toNumbers();

export const resize = defineOp({
  type: "Resize",
  inputs: ["x", "roi?", "scales?", "sizes?"],
  attrs,
  infer({ x, scales, sizes }, { axes, keep_aspect_ratio_policy }) {
    if (x.shape === undefined) return { dtype: x.dtype, shape: undefined };
    const dims: Dim[] = [...x.shape];
    const along = axes?.map((axis) => axisOf(axis, dims.length, "Resize")) ?? [...dims.keys()];
    const factors = numbersOf(scales);
    along.forEach((axis, i) => {
      if (sizes === undefined) dims[axis] = scaled(dims[axis]!, factors?.[i]);
      else dims[axis] = keep_aspect_ratio_policy === "stretch" ? (sizes.elements?.[i] ?? "?") : "?";
    });
    return { dtype: x.dtype, shape: dims };
  },

  grad(g, { x, scales, sizes, y, dy, attrs: given }) {
    if (given.keep_aspect_ratio_policy !== "stretch" || given.coordinate_transformation_mode === "tf_crop_and_resize") {
      throw new GraphError(
        "gradient",
        "Resize with tf_crop_and_resize or a policy that keeps the aspect ratio has no gradient rule; crop with Slice and give the final sizes",
      );
    }
    const rank = rankOf(x, "Resize");
    const along = given.axes?.map((axis) => axisOf(axis, rank, "Resize")) ?? Array.from({ length: rank }, (_, i) => i);
    const factors = numbersOf(scales);
    if (repeats(given, factors)) {
      // each element was repeated: the sum over its copies
      const kernel = factors.slice(2);
      const sum = g.mul(g.averagePool(dy, { kernel, strides: kernel }), sizeOf(kernel));
      return { x: sum, roi: null, scales: null, sizes: null };
    }
    const dx = along.reduce((grad, axis, i) => {
      const same = sizes === undefined ? factors?.[i] === 1 : sameDim(x.shape?.[axis], y.shape?.[axis]);
      if (same) return grad;
      const factor = sizes === undefined ? g.slice(scales!, [i], [i + 1]) : undefined;
      return throughAxis(g, grad, axis, rank, matrixOf(g, x, y, axis, factor, given));
    }, dy);
    return { x: dx, roi: null, scales: null, sizes: null };
  },
});

/** Whether whole-number factors over the spatial axes repeat each element. */
function repeats(
  given: { readonly mode: string; readonly coordinate_transformation_mode: string; readonly nearest_mode: string },
  factors: readonly number[] | undefined,
): factors is readonly number[] {
  const { mode, coordinate_transformation_mode: coordinates, nearest_mode: rounding } = given;
  if (mode !== "nearest" || coordinates !== "asymmetric" || rounding !== "floor") return false;
  if (factors === undefined || factors.length < 3 || factors.length > 5) return false;
  return factors.every((factor, i) => (i < 2 ? factor === 1 : Number.isInteger(factor) && factor > 0));
}

/** The matrix [new, old] of one axis: what Resize itself makes of the unit matrix. */
function matrixOf(
  g: GraphBuilder,
  x: Value,
  y: Value,
  axis: number,
  factor: Value | undefined,
  given: { readonly [K in keyof typeof attrs]: unknown },
): Value {
  const size = (t: Value) => {
    const known = t.shape?.[axis];
    return typeof known === "number" ? g.ints([known]) : g.shapeOf(t, { start: axis, end: axis + 1 });
  };
  const old = size(x);
  const square = g.fill(g.concat(old, [old], { axis: 0 }), 0, (x.dtype ?? "float32") as DType);
  const unit = g.unsqueeze(g.op("EyeLike", [square]), [0, 1]);
  const one = factor === undefined ? g.ints([1]) : g.constant([1]);
  const list =
    factor === undefined
      ? g.concat(one, [one, size(y), old], { axis: 0 })
      : g.concat(one, [one, factor, one], { axis: 0 });
  const inputs = factor === undefined ? [unit, undefined, undefined, list] : [unit, undefined, list];
  const resized = g.op("Resize", inputs, {
    mode: String(given.mode),
    coordinate_transformation_mode: String(given.coordinate_transformation_mode),
    nearest_mode: String(given.nearest_mode),
    cubic_coeff_a: float(Number(given.cubic_coeff_a)),
    exclude_outside: Number(given.exclude_outside),
    antialias: Number(given.antialias),
  });
  return g.squeeze(resized, [0, 1]);
}

/** The transpose of the matrix applied along an axis. */
function throughAxis(g: GraphBuilder, dy: Value, axis: number, rank: number, matrix: Value): Value {
  if (axis === rank - 1) return g.matmul(dy, matrix);
  if (axis === rank - 2) return g.matmul(g.transpose(matrix, [1, 0]), dy);
  const swapped: Dims & readonly number[] = Array.from({ length: rank }, (_, i) =>
    i === axis ? rank - 1 : i === rank - 1 ? axis : i,
  );
  return g.transpose(g.matmul(g.transpose(dy, swapped), matrix), swapped);
}
