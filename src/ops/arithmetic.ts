/** @file Arithmetic of two tensors that are broadcast against each other: Add, Sub, Mul, Div, Pow, Mod. */

import type { Known } from "../graph/known.js";
import { addDims, broadcastDims, type Dims, divDims, mulDims, subDims } from "./dims.js";
import { defineOp } from "./op.js";
import { sumTo } from "./unbroadcast.js";

/** Shape of an operator of two broadcast inputs; whole-number elements are followed through `apply`. */
export function broadcastKnown(a: Known, b: Known, apply?: (x: Dims[number], y: Dims[number]) => Dims[number]): Known {
  const shape = broadcastDims([a.shape, b.shape], "broadcast");
  const known = { dtype: a.dtype ?? b.dtype, shape };
  if (apply === undefined || a.elements === undefined || b.elements === undefined) return known;
  const length = Math.max(a.elements.length, b.elements.length);
  const pick = (x: Dims, i: number) => x[x.length === 1 ? 0 : i]!;
  const elements = Array.from({ length }, (_, i) => apply(pick(a.elements!, i), pick(b.elements!, i)));
  return { ...known, elements };
}

export const add = defineOp({
  type: "Add",
  inputs: ["a", "b"],
  infer: ({ a, b }) => broadcastKnown(a, b, addDims),
  grad: (g, { a, b, dy }) => ({ a: sumTo(g, dy, a), b: sumTo(g, dy, b) }),
});

export const sub = defineOp({
  type: "Sub",
  inputs: ["a", "b"],
  infer: ({ a, b }) => broadcastKnown(a, b, subDims),
  grad: (g, { a, b, dy }) => ({ a: sumTo(g, dy, a), b: sumTo(g, g.neg(dy), b) }),
});

export const mul = defineOp({
  type: "Mul",
  inputs: ["a", "b"],
  infer: ({ a, b }) => broadcastKnown(a, b, mulDims),
  grad: (g, { a, b, dy }) => ({ a: sumTo(g, g.mul(dy, b), a), b: sumTo(g, g.mul(dy, a), b) }),
});

export const div = defineOp({
  type: "Div",
  inputs: ["a", "b"],
  infer: ({ a, b }) => broadcastKnown(a, b, (x, y) => (typeof y === "number" && y > 0 ? divDims(x, y) : "?")),
  // y = a / b  =>  da = dy / b, db = -dy * y / b
  grad(g, { a, b, y, dy }) {
    const da = g.div(dy, b);
    return { a: sumTo(g, da, a), b: sumTo(g, g.neg(g.mul(da, y)), b) };
  },
});

export const sum = defineOp({
  type: "Sum",
  inputs: ["...xs"],
  infer: ({ xs }) => ({
    dtype: xs[0]?.dtype,
    shape: broadcastDims(
      xs.map(({ shape }) => shape),
      "Sum",
    ),
  }),
  grad: (g, { xs, dy }) => ({ xs: xs.map((x) => sumTo(g, dy, x)) }),
});
