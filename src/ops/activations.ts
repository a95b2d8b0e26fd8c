/** @file Activation functions of neural networks; at their kinks the derivative is the one that PyTorch takes. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { broadcastKnown } from "./arithmetic.js";
import { defineOp, float } from "./op.js";
import { isProduct } from "./product.js";
import { like, unary } from "./unary.js";
import { sumTo } from "./unbroadcast.js";

/** The largest float32: from 3e-39 on, its product with a number is 1 or more. */
const steepest = 3.4028234663852886e38;

const positive = (g: GraphBuilder, x: Value) => g.greater(x, 0);

// asks y, which is positive where x is: so nobody reads x, and the runtime fuses Relu with the product before it
export const relu = unary("Relu", (g, { y, dy }) => {
  // a mask of 0 and 1 in one pass, where 0 does not meet infinity
  if (y.dtype === "float32" && isProduct(g, dy)) return g.mul(dy, g.hardSigmoid(y, { alpha: steepest, beta: 0 }));
  return g.where(positive(g, y), dy, 0);
});
export const sigmoid = unary("Sigmoid", (g, { y, dy }) => g.mul(dy, g.mul(y, g.sub(1, y))));
export const softplus = unary("Softplus", (g, { x, dy }) => g.mul(dy, g.sigmoid(x)));
export const softsign = unary("Softsign", (g, { x, dy }) => g.div(dy, g.square(g.add(g.abs(x), 1))));

export const leakyRelu = defineOp({
  type: "LeakyRelu",
  inputs: ["x"],
  attrs: { alpha: float(0.01) },
  infer: ({ x }) => like(x),
  grad: (g, { x, dy, attrs: { alpha } }) => ({ x: g.where(positive(g, x), dy, g.mul(dy, alpha)) }),
});

export const prelu = defineOp({
  type: "PRelu",
  inputs: ["x", "slope"],
  infer: ({ x, slope }) => ({ ...broadcastKnown(x, slope), shape: x.shape }),
  grad: (g, { x, slope, dy, wants }) => ({
    x: wants("x") ? g.where(positive(g, x), dy, g.mul(dy, slope)) : null,
    slope: wants("slope") ? sumTo(g, g.where(positive(g, x), 0, g.mul(dy, x)), slope) : null,
  }),
});

export const elu = defineOp({
  type: "Elu",
  inputs: ["x"],
  attrs: { alpha: float(1) },
  infer: ({ x }) => like(x),
  // x <= 0: y = a (exp(x) - 1)  =>  dx = dy * a exp(x) = dy * (y + a)
  grad: (g, { x, y, dy, attrs: { alpha } }) => ({ x: g.where(positive(g, x), dy, g.mul(dy, g.add(y, alpha))) }),
});

export const celu = defineOp({
  type: "Celu",
  inputs: ["x"],
  attrs: { alpha: float(1) },
  infer: ({ x }) => like(x),
  // x <= 0: y = a (exp(x / a) - 1)  =>  dx = dy * exp(x / a) = dy * (y / a + 1)
  grad(g, { x, y, dy, attrs: { alpha } }) {
    return { x: g.where(positive(g, x), dy, g.mul(dy, g.add(g.div(y, alpha), 1))) };
  },
});

export const selu = defineOp({
  type: "Selu",
  inputs: ["x"],
  attrs: { alpha: float(1.6732632423543772), gamma: float(1.0507009873554805) },
  infer: ({ x }) => like(x),
  // x <= 0: y = c a (exp(x) - 1)  =>  dx = dy * (y + c a)
  grad(g, { x, y, dy, attrs: { alpha, gamma } }) {
    return { x: g.mul(dy, g.where(positive(g, x), gamma, g.add(y, alpha * gamma))) };
  },
});

export const thresholdedRelu = defineOp({
  type: "ThresholdedRelu",
  inputs: ["x"],
  attrs: { alpha: float(1) },
  infer: ({ x }) => like(x),
  grad: (g, { x, dy, attrs: { alpha } }) => ({ x: g.where(g.greater(x, alpha), dy, 0) }),
});

export const shrink = defineOp({
  type: "Shrink",
  inputs: ["x"],
  attrs: { lambd: float(0.5), bias: float(0) },
  infer: ({ x }) => like(x),
  grad: (g, { x, dy, attrs: { lambd } }) => ({ x: g.where(g.greater(g.abs(x), lambd), dy, 0) }),
});

export const hardSigmoid = defineOp({
  type: "HardSigmoid",
  inputs: ["x"],
  attrs: { alpha: float(0.2), beta: float(0.5) },
  infer: ({ x }) => like(x),
  grad(g, { y, dy, attrs: { alpha } }) {
    const inside = g.and(g.greater(y, 0), g.less(y, 1));
    return { x: g.where(inside, g.mul(dy, alpha), 0) };
  },
});
