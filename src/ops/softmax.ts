/** @file Softmax and LogSoftmax: scores to (logarithms of) probabilities along one axis. */

import { defineOp } from "./op.js";

export const softmax = defineOp({
  type: "Softmax",
  inputs: ["x"],
  attrs: { axis: -1 },
  infer: ({ x }) => ({ dtype: x.dtype, shape: x.shape }),

  // y = exp(x) / sum(exp(x))  =>  dx = y * (dy - sum(y * dy))
  grad(g, { y, dy, attrs }) {
    const weighted = g.reduceSum(g.mul(y, dy), { axes: [attrs.axis], keepdims: true });
    return { x: g.mul(y, g.sub(dy, weighted)) };
  },
});

export const logSoftmax = defineOp({
  type: "LogSoftmax",
  inputs: ["x"],
  attrs: { axis: -1 },
  infer: ({ x }) => ({ dtype: x.dtype, shape: x.shape }),

  // y = x - log(sum(exp(x)))  =>  dx = dy - exp(y) * sum(dy)
  grad(g, { y, dy, attrs }) {
    const total = g.reduceSum(dy, { axes: [attrs.axis], keepdims: true });
    return { x: g.sub(dy, g.mul(g.exp(y), total)) };
  },
});
