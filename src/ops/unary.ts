/** @file Functions of one variable without attributes: each with its derivative. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Value } from "../graph/value.js";
import { defineOp } from "./op.js";

/** Same dtype and shape as the input. */
export const like = (x: Known): Known => ({ dtype: x.dtype, shape: x.shape });

/** The gradient of the input from that of the output. */
type Derivative = (g: GraphBuilder, v: { readonly x: Value; readonly y: Value; readonly dy: Value }) => Value;

/** Declares such a function; null where it is flat. */
export function unary(type: string, derivative: Derivative | null) {
  const grad =
    derivative === null ? null : (g: GraphBuilder, v: { x: Value; y: Value; dy: Value }) => ({ x: derivative(g, v) });
  return defineOp({ type, inputs: ["x"], infer: ({ x }) => like(x), grad });
}

/** 0 where PyTorch's derivative is 0 too: at the kink itself. */
export const abs = unary("Abs", (g, { x, dy }) => g.mul(dy, g.sign(x)));
export const neg = unary("Neg", (g, { dy }) => g.neg(dy));
export const exp = unary("Exp", (g, { y, dy }) => g.mul(dy, y));
export const log = unary("Log", (g, { x, dy }) => g.div(dy, x));
export const sqrt = unary("Sqrt", (g, { y, dy }) => g.div(dy, g.mul(y, 2)));
export const reciprocal = unary("Reciprocal", (g, { y, dy }) => g.neg(g.mul(dy, g.square(y))));
export const identity = defineOp({
  type: "Identity",
  inputs: ["x"],
  infer: ({ x }) => x,
  grad: (_, { dy }) => ({ x: dy }),
});

// steps: flat wherever they have a derivative
export const sign = unary("Sign", null);
export const floor = unary("Floor", null);
export const ceil = unary("Ceil", null);
export const round = unary("Round", null);
