/** @file Activation functions that weigh x by a smooth gate: Gelu, Swish, HardSwish, Mish. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { defineOp, float } from "./op.js";
import { like, unary } from "./unary.js";

// y = x * clip(x / 6 + 1/2, 0, 1)
export const hardSwish = unary("HardSwish", (g, { x, dy }) => {
  const between = g.mul(dy, g.add(g.div(x, 3), 0.5));
  return g.where(g.greaterOrEqual(x, 3), dy, g.where(g.greater(x, -3), between, 0));
});

// y = x t, t = tanh(ln(1 + exp(x)))  =>  dx = dy * (t + x sigmoid(x) (1 - t²))
export const mish = unary("Mish", (g, { x, dy }) => {
  const t = g.tanh(g.softplus(x));
  // not x sigmoid(x) first: the runtime would fuse it, for float32 only
  return g.mul(dy, g.add(t, g.mul(g.sigmoid(x), g.mul(x, g.sub(1, g.square(t))))));
});

/** dx of y = x s, s = sigmoid(a x): dy * s * (1 + a x (1 - s)). */
export function swishBack(g: GraphBuilder, x: Value, dy: Value, alpha: number): Value {
  const scaled = alpha === 1 ? x : g.mul(x, alpha);
  const s = g.sigmoid(scaled);
  return g.mul(dy, g.mul(s, g.add(g.mul(scaled, g.sub(1, s)), 1)));
}

export const swish = defineOp({
  type: "Swish",
  inputs: ["x"],
  attrs: { alpha: float(1) },
  infer: ({ x }) => like(x),
  grad: (g, { x, dy, attrs: { alpha } }) => ({ x: swishBack(g, x, dy, alpha) }),
});

export const gelu = defineOp({
  type: "Gelu",
  inputs: ["x"],
  attrs: { approximate: "none" },
  infer: ({ x }) => like(x),
  grad: (g, { x, dy, attrs: { approximate } }) => ({
    x: approximate === "tanh" ? tanhGeluBack(g, x, dy) : geluBack(g, x, dy),
  }),
});

/** y = x P(x), P the normal distribution, p its density  =>  dx = dy * (P(x) + x p(x)). */
export function geluBack(g: GraphBuilder, x: Value, dy: Value): Value {
  const distribution = g.mul(g.add(g.erf(g.mul(x, Math.SQRT1_2)), 1), 0.5);
  const density = g.mul(g.exp(g.mul(g.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return g.mul(dy, g.add(distribution, g.mul(x, density)));
}

/** y = x (1 + t) / 2, t = tanh(u), u = c (x + k x³)  =>  dx = dy * ((1 + t) / 2 + x (1 - t²) u' / 2). */
export function tanhGeluBack(g: GraphBuilder, x: Value, dy: Value): Value {
  const [c, k] = [Math.sqrt(2 / Math.PI), 0.044715];
  const square = g.square(x);
  const t = g.tanh(g.mul(g.mul(x, g.add(g.mul(square, k), 1)), c));
  const slope = g.mul(g.add(g.mul(square, 3 * k), 1), c);
  const bend = g.mul(g.mul(x, g.sub(1, g.square(t))), slope);
  return g.mul(dy, g.mul(g.add(g.add(t, 1), bend), 0.5));
}
