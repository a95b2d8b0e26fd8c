/** @file QuantizeLinear and DequantizeLinear: rounding is passed straight through, so that models train with it. */

import { GraphError } from "../errors.js";
import { elementTypeOf } from "../graph/element-type.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { axisOf } from "./dims.js";
import { rankOf } from "./normalize.js";
import { defineOp, int } from "./op.js";
import { sumTo } from "./unbroadcast.js";

const attrs = { axis: 1, block_size: int(), output_dtype: 0, saturate: 1, precision: int() };

/** Scale or zero point, of all or per index of an axis, so that it broadcasts against `x`. */
function wide(g: GraphBuilder, t: Value, x: Value, axis: number, block: number | undefined): Value {
  if (block !== undefined && block !== 0)
    throw new GraphError("gradient", "quantization in blocks has no gradient rule; quantize per tensor or per axis");
  if (t.rank === 0 || t.shape?.[0] === 1) return t;
  const rank = rankOf(x, "QuantizeLinear");
  const after = rank - 1 - axisOf(axis, rank, "QuantizeLinear");
  return after === 0
    ? t
    : g.unsqueeze(
        t,
        Array.from({ length: after }, (_, i) => i + 1),
      );
}

/** Sums per element of a scale or zero point. */
function backTo(g: GraphBuilder, grad: Value, spread: Value, t: Value): Value {
  const summed = sumTo(g, grad, spread);
  return spread === t ? summed : g.reshape(summed, g.shapeLike(t));
}

const ranges: { readonly [dtype: string]: readonly [low: number, high: number] } = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65535],
  int16: [-32768, 32767],
  uint4: [0, 15],
  int4: [-8, 7],
};

export const quantizeLinear = defineOp({
  type: "QuantizeLinear",
  inputs: ["x", "scale", "zero?"],
  attrs,
  infer: ({ x, zero }, { output_dtype }) => ({
    dtype: output_dtype === 0 ? (zero === undefined ? "uint8" : zero.dtype) : elementTypeOf(output_dtype),
    shape: x.shape,
  }),

  // y = clamp(round(x / s) + z) counts as x / s + z inside the range, and as flat outside
  grad(g, { x, scale, zero, y, dy, attrs: { axis, block_size }, wants }) {
    const [low, high] = ranges[y.dtype ?? "uint8"] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const dtype = x.dtype ?? "float32";
    const s = wide(g, scale, x, axis, block_size);
    const rounded = g.round(g.div(x, s));
    const level = zero === undefined ? rounded : g.add(rounded, g.cast(wide(g, zero, x, axis, block_size), dtype));
    const inside = g.and(g.greaterOrEqual(level, low), g.lessOrEqual(level, high));
    const dx = g.where(inside, g.div(dy, s), 0);
    return {
      x: dx,
      scale: wants("scale") ? backTo(g, g.neg(g.mul(dx, g.div(x, s))), s, scale) : null,
      zero: null,
    };
  },
});

export const dequantizeLinear = defineOp({
  type: "DequantizeLinear",
  inputs: ["x", "scale", "zero?"],
  attrs,
  infer: ({ x, scale }, { output_dtype }) => ({
    dtype: output_dtype === 0 ? scale.dtype : elementTypeOf(output_dtype),
    shape: x.shape,
  }),

  // y = (x - z) s; the gradient of whole x goes on to what was quantized
  grad(g, { x, scale, zero, dy, attrs: { axis, block_size }, wants }) {
    const dtype = scale.dtype ?? "float32";
    const s = wide(g, scale, x, axis, block_size);
    const level = g.cast(x, dtype);
    const centered = zero === undefined ? level : g.sub(level, g.cast(wide(g, zero, x, axis, block_size), dtype));
    return {
      x: g.mul(dy, s),
      scale: wants("scale") ? backTo(g, g.mul(dy, centered), s, scale) : null,
      zero: null,
    };
  },
});
