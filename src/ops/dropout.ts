/** @file Dropout: some elements become zero while training, the others are scaled up. */

import { GraphError } from "../errors.js";
import type { Known } from "../graph/known.js";
import { defineOp, int } from "./op.js";
import { like } from "./unary.js";

export const dropout = defineOp({
  type: "Dropout",
  inputs: ["x", "ratio?", "training?"],
  outputs: ["y", "mask?"],
  attrs: { seed: int() },
  infer: ({ x }, _, { node }): Known[] =>
    [like(x), { dtype: "bool" as const, shape: x.shape }].slice(0, node.outputs.length),

  /** In training the mask is asked for beside y. */
  expand(g, { x, ratio, training, attrs, node }) {
    const outputs = training === undefined ? node.outputs.length : 2;
    return g.ops("Dropout", [x, ratio, training], attrs, { outputs });
  },

  // y = x mask / (1 - ratio) in training, else x
  grad(g, { ratio, training, mask, dy, node }) {
    if (dy === undefined) return { x: null, ratio: null, training: null };
    const never = training === undefined || training.constant?.tensor.data[0] === 0;
    if (never) return { x: dy, ratio: null, training: null };
    if (!node.outputs[1])
      throw new GraphError("Dropout", "in training its gradient needs the mask; give the node its second output");
    const share = ratio === undefined ? g.constant(0.5) : ratio;
    const scale = g.cast(g.where(training, g.reciprocal(g.sub(1, share)), 1), dy.dtype ?? "float32");
    return { x: g.where(mask, g.mul(dy, scale), 0), ratio: null, training: null };
  },
});
