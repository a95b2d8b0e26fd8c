/** @file Comparisons, logic and bits: no gradient flows through them. */

import { broadcastKnown } from "./arithmetic.js";
import { defineOp, int } from "./op.js";
import { like } from "./unary.js";

function compare(type: string) {
  return defineOp({
    type,
    inputs: ["a", "b"],
    infer: ({ a, b }) => ({ dtype: "bool", shape: broadcastKnown(a, b).shape }),
    grad: null,
  });
}

export const equal = compare("Equal");
export const greater = compare("Greater");
export const less = compare("Less");
export const greaterOrEqual = compare("GreaterOrEqual");
export const lessOrEqual = compare("LessOrEqual");
export const and = compare("And");
export const or = compare("Or");
export const xor = compare("Xor");

export const not = defineOp({ type: "Not", inputs: ["x"], infer: ({ x }) => like(x), grad: null });
export const bitwiseNot = defineOp({ type: "BitwiseNot", inputs: ["x"], infer: ({ x }) => like(x), grad: null });

export const isNotANumber = defineOp({
  type: "IsNaN",
  inputs: ["x"],
  infer: ({ x }) => ({ dtype: "bool", shape: x.shape }),
  grad: null,
});

export const isInfinite = defineOp({
  type: "IsInf",
  inputs: ["x"],
  attrs: { detect_negative: 1, detect_positive: 1 },
  infer: ({ x }) => ({ dtype: "bool", shape: x.shape }),
  grad: null,
});

function bits(type: string) {
  return defineOp({ type, inputs: ["a", "b"], infer: ({ a, b }) => broadcastKnown(a, b), grad: null });
}

export const bitwiseAnd = bits("BitwiseAnd");
export const bitwiseOr = bits("BitwiseOr");
export const bitwiseXor = bits("BitwiseXor");
export const bitShift = bits("BitShift");

export const nonZero = defineOp({
  type: "NonZero",
  inputs: ["x"],
  infer: ({ x }) => ({ dtype: "int64", shape: [x.shape?.length ?? "?", "?"] }),
  grad: null,
});

/** Distinct elements: which ones there are is a matter of steps. */
export const unique = defineOp({
  type: "Unique",
  inputs: ["x"],
  outputs: ["y", "indices?", "inverse?", "counts?"],
  attrs: { axis: int(), sorted: 1 },
  infer({ x }, { axis }, { node }) {
    const at = axis === undefined || x.shape === undefined ? axis : axis < 0 ? axis + x.shape.length : axis;
    const shape = at === undefined ? ["?"] : x.shape?.with(at, "?");
    const lists = node.outputs.slice(1).map(() => ({ dtype: "int64" as const, shape: ["?"] }));
    return [{ dtype: x.dtype, shape }, ...lists];
  },
  grad: null,
});
