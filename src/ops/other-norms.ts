/** @file Further normalizations: LpNormalization, LRN, MeanVarianceNormalization. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { normalized, normalizedBack } from "./normalize.js";
import { defineOp, float } from "./op.js";
import { like } from "./unary.js";

export const lpNormalization = defineOp({
  type: "LpNormalization",
  inputs: ["x"],
  attrs: { axis: -1, p: 2 },
  infer: ({ x }) => like(x),

  // y = x / n, n = |x|_p  =>  dx = (dy - s sum(dy y)) / n, s = dn/dx = y (p = 2) or sign(x) (p = 1)
  grad(g, { x, y, dy, attrs: { axis, p } }) {
    const over = { axes: [axis], keepdims: true };
    const norm = p === 1 ? g.reduceL1(x, over) : g.reduceL2(x, over);
    const along = g.mul(p === 1 ? g.sign(x) : y, g.reduceSum(g.mul(dy, y), over));
    return { x: g.where(g.equal(norm, 0), 0, g.div(g.sub(dy, along), norm)) };
  },
});

export const meanVarianceNormalization = defineOp({
  type: "MeanVarianceNormalization",
  inputs: ["x"],
  attrs: { axes: [0, 2, 3] },
  infer: ({ x }) => like(x),
  grad: (g, { x, dy, attrs: { axes } }) => ({ x: normalizedBack(g, normalized(g, x, axes, 1e-9), dy) }),
});

export const lrn = defineOp({
  type: "LRN",
  inputs: ["x"],
  attrs: { size: 1, alpha: float(1e-4), beta: float(0.75), bias: float(1) },
  infer: ({ x }) => like(x),

  // y = x s^-b, s = k + a/n sum(x²) near the channel  =>  dx = dy s^-b - 2 a b / n x sum(dy x s^(-b - 1)) near it
  grad(g, { x, dy, attrs: { size, alpha, beta, bias } }) {
    const before = Math.floor((size - 1) / 2);
    const scale = g.add(g.mul(channelWindow(g, g.square(x), size, before), alpha / size), bias);
    const power = g.pow(scale, -beta);
    const slope = g.div(g.mul(g.mul(dy, x), power), scale);
    const spread = g.mul(x, channelWindow(g, slope, size, size - 1 - before));
    return { x: g.sub(g.mul(dy, power), g.mul(spread, (2 * alpha * beta) / size)) };
  },
});

/** Sums over `size` neighbouring channels, `before` of them before the channel itself. */
function channelWindow(g: GraphBuilder, x: Value, size: number, before: number): Value {
  const padded = g.pad(x, [before, size - 1 - before], { axes: [1] });
  const parts = Array.from({ length: size }, (_, i) => {
    const end = i === size - 1 ? 2 ** 31 - 1 : i + 1 - size;
    return g.slice(padded, [i], [end], { axes: [1] });
  });
  return g.sum(parts[0]!, ...parts.slice(1));
}
