/** @file Dropout: some elements become zero while training, the others are scaled up. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Value } from "../graph/value.js";
import { defineOp, int } from "./op.js";
import { like } from "./unary.js";

export const dropout = defineOp({
  type: "Dropout",
  inputs: ["x", "ratio?", "training?"],
  outputs: ["y", "mask?"],
  attrs: { seed: int() },
  infer: ({ x }, _, { node }): Known[] =>
    [like(x), { dtype: "bool" as const, shape: x.shape }].slice(0, node.outputs.length),

  // y = x mask / (1 - ratio) in training, else x
  grad(g, { x, ratio, training, y, mask, dy, node }) {
    if (dy === undefined) return { x: null, ratio: null, training: null };
    const never = training === undefined || training.constant?.tensor.data[0] === 0;
    if (never) return { x: dy, ratio: null, training: null };
    const kept = node.outputs[1] !== undefined && node.outputs[1] !== "";
    return { x: kept ? byMask(g, mask, ratio, training, dy) : byQuotient(g, x, y, dy), ratio: null, training: null };
  },
});

function byMask(g: GraphBuilder, mask: Value, ratio: Value | undefined, training: Value, dy: Value): Value {
  const dtype = dy.dtype ?? "float32";
  const share = ratio === undefined ? g.constant(0.5) : ratio;
  // float64 where ratio is: its dtype need not be that of x
  const scale = g.cast(g.where(training, g.reciprocal(g.sub(1, share)), 1), dtype);
  return g.where(mask, g.mul(dy, scale), 0);
}

/** Without the mask what was dropped shows in y; elements of x that are 0 get no gradient. */
function byQuotient(g: GraphBuilder, x: Value, y: Value, dy: Value): Value {
  const isZero = g.equal(x, 0);
  return g.where(isZero, 0, g.mul(dy, g.div(y, g.where(isZero, 1, x))));
}
