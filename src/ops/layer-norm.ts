/** @file LayerNormalization and RMSNormalization: normalized over the last dimensions. */

import type { Known } from "../graph/known.js";
import type { Value } from "../graph/value.js";
import { axisOf } from "./dims.js";
import { countOf, normalizedBack, rankOf, scaledToOne, scaledToOneBack } from "./normalize.js";
import { defineOp, float } from "./op.js";
import { like } from "./unary.js";
import { sumTo } from "./unbroadcast.js";

/** The axes from `axis` to the last. */
function lastAxes(x: Value, axis: number, who: string): number[] {
  const rank = rankOf(x, who);
  const first = axisOf(axis, rank, who);
  return Array.from({ length: rank - first }, (_, i) => first + i);
}

export const layerNormalization = defineOp({
  type: "LayerNormalization",
  inputs: ["x", "scale", "bias?"],
  outputs: ["y", "mean?", "inverse?"],
  attrs: { axis: -1, epsilon: float(1e-5), stash_type: 1 },
  infer({ x }, { axis }, { node }): Known[] {
    const at = x.shape === undefined ? 0 : axisOf(axis, x.shape.length, "LayerNormalization");
    const stashed: Known = { dtype: "float32", shape: x.shape?.map((dim, i) => (i < at ? dim : 1)) };
    return [like(x), stashed, stashed].slice(0, node.outputs.length);
  },
  grad(g, { x, scale, bias, dy, dmean, dinverse, attrs: { axis, epsilon }, wants }) {
    const axes = lastAxes(x, axis, "LayerNormalization");
    const dtype = x.dtype ?? "float32";
    // hat = (x - mean) / deviation and 1 / deviation come from one run of the kernel
    const [hat, , stashed] = g.ops(
      "LayerNormalization",
      [x, g.onesLike(scale)],
      { axis, epsilon: float(epsilon) },
      { outputs: 3 },
    ) as [Value, Value, Value];
    const inverse = g.cast(stashed, dtype);
    const parts: Value[] = [];
    if (wants("x") && dy !== undefined) parts.push(normalizedBack(g, { hat, inverse, axes }, g.mul(dy, scale)));
    const count = () => countOf(g, x, inverse);
    if (dmean !== undefined) parts.push(g.expand(g.div(g.cast(dmean, dtype), count()), g.shapeLike(x)));
    // d(1 / deviation) / dx = -hat / (n deviation²)
    if (dinverse !== undefined) {
      const each = g.div(g.mul(g.cast(dinverse, dtype), g.square(inverse)), count());
      parts.push(g.neg(g.mul(hat, each)));
    }
    return {
      x: wants("x") && parts.length > 0 ? g.sum(parts[0]!, ...parts.slice(1)) : null,
      scale: dy !== undefined && wants("scale") ? sumTo(g, g.mul(dy, hat), scale) : null,
      bias: dy !== undefined && bias !== undefined && wants("bias") ? sumTo(g, dy, bias) : null,
    };
  },
});

/** y = x / sqrt(mean(x²) + epsilon) * scale, since version 23 and as ONNX Runtime's SimplifiedLayerNormalization. */
function rootMeanSquare(type: string) {
  return defineOp({
    type,
    inputs: ["x", "scale"],
    attrs: { axis: -1, epsilon: float(1e-5), stash_type: 1 },
    infer: ({ x }) => like(x),
    grad(g, { x, scale, dy, attrs: { axis, epsilon } }) {
      const by = scaledToOne(g, x, lastAxes(x, axis, type), epsilon);
      return { x: scaledToOneBack(g, by, g.mul(dy, scale)), scale: sumTo(g, g.mul(dy, by.hat), scale) };
    },
  });
}

export const rmsNormalization = rootMeanSquare("RMSNormalization");
export const simplifiedLayerNormalization = rootMeanSquare("SimplifiedLayerNormalization");
