/** @file Powers and remainders of two broadcast tensors. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { broadcastKnown } from "./arithmetic.js";
import { defineOp } from "./op.js";
import { sumTo } from "./unbroadcast.js";

export const pow = defineOp({
  type: "Pow",
  inputs: ["a", "b"],
  infer: ({ a, b }) => ({ ...broadcastKnown(a, b), dtype: a.dtype }),

  // y = a^b  =>  da = dy b a^(b - 1), db = dy y ln(a); both 0 where y is 1 or 0 whatever the other: a^0, 0^b
  grad(g, { a, b, y, dy, wants }) {
    const exponent = b.dtype === a.dtype ? b : g.op("CastLike", [b, a]);
    const db = () => {
      const flat = g.and(g.equal(a, 0), g.greaterOrEqual(exponent, 0));
      const slope = g.mul(dy, g.where(flat, 0, g.mul(y, g.log(a))));
      return sumTo(g, b.dtype === a.dtype ? slope : g.op("CastLike", [slope, b]), b);
    };
    return {
      a: wants("a") ? sumTo(g, g.mul(dy, slopeOfBase(g, a, exponent, scalarOf(b))), a) : null,
      b: wants("b") ? db() : null,
    };
  },
});

function slopeOfBase(g: GraphBuilder, a: Value, b: Value, known: number | undefined): Value {
  if (known === 0) return g.zerosLike(a);
  if (known === 1) return g.onesLike(a);
  if (known === 2) return g.mul(a, 2);
  if (known === 3) return g.mul(g.square(a), 3);
  if (known !== undefined) return g.mul(g.pow(a, known - 1), known);
  return g.where(g.equal(b, 0), 0, g.mul(b, g.pow(a, g.sub(b, 1))));
}

/** The number, where the tensor is a constant of one element. */
function scalarOf({ constant }: Value): number | undefined {
  if (constant?.size !== 1 || constant.dtype === "float16" || constant.dtype === "bfloat16") return undefined;
  return constant.tensor.toNumbers()[0];
}

export const mod = defineOp({
  type: "Mod",
  inputs: ["a", "b"],
  attrs: { fmod: 0 },
  infer: ({ a, b }) => broadcastKnown(a, b),

  // y = a - n b with a whole n  =>  da = dy, db = -n dy
  grad(g, { a, b, y, dy }) {
    const n = g.round(g.div(g.sub(a, y), b));
    return { a: sumTo(g, dy, a), b: sumTo(g, g.neg(g.mul(dy, n)), b) };
  },
});
