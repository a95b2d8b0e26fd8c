/** @file MultiHeadAttention: every place looks at all others, several times over. */

import { ShapeError } from "../../errors.js";
import type { Dim } from "../../graph/types.js";
import type { Value } from "../../graph/value.js";
import { boolean, integer, number, optional } from "../../util/params.js";
import { initializers } from "../initializers.js";
import { type BuildContext, defineLayer } from "../layer.js";
import { regularizers } from "../regularizers.js";
import { expectLayout, expectSize } from "./expect.js";
import { activityRegularizer, penalize, regularizerOf } from "./weights.js";

/**
 * softmax(Q K' / sqrt(keyDim)) V for each head, joined and mixed (Vaswani et al., 2017). Applied to one sequence
 * [batch, time, features] it looks at itself; applied to [query, value] or [query, value, key] the first looks at the others.
 * The result is [batch, query's time, outputDim]. Places that a mask of the keys leaves out are not looked at.
 * Weights: query, key, value [features, numHeads * keyDim] and output [numHeads * valueDim, outputDim], with a bias each.
 * `activityRegularizer` is a penalty on what each of these four gives, as in Keras.
 *
 * @example nn.multiHeadAttention(4, 32)
 */
export const multiHeadAttention = defineLayer({
  type: "MultiHeadAttention",
  positional: ["numHeads", "keyDim"],
  keepsMask: true,
  params: {
    numHeads: integer("heads", { min: 1 }),
    keyDim: integer("size of each head's queries and keys", { min: 1 }),
    valueDim: optional(integer("size of each head's values; default keyDim", { min: 1 })),
    outputDim: optional(integer("features of the result; default the query's", { min: 1 })),
    dropout: number("part of the attention that becomes 0 while training", { default: 0, min: 0, max: 0.999 }),
    useBias: boolean("whether biases are added", { default: true }),
    useCausalMask: boolean("whether each place looks at itself and those before it only", { default: false }),
    kernelInitializer: initializers.param("first values of the kernels", { default: "glorotUniform" }),
    biasInitializer: initializers.param("first values of the biases", { default: "zeros" }),
    kernelRegularizer: optional(regularizers.param("penalty on the kernels")),
    biasRegularizer: optional(regularizers.param("penalty on the biases")),
    activityRegularizer,
  },
  build(context, inputs, params) {
    const { g, maskOf } = context;
    const [query, value = query, key = value] = inputs;
    const { numHeads: heads, keyDim, valueDim = keyDim } = params;
    const who = "MultiHeadAttention";
    const sizes = [query, value, key].map((x) => expectSize(who, expectLayout(who, x, "sequence"), 2, "features"));
    const biasOf = (name: string, size: number) =>
      context.weight(`${name}/bias`, [size], {
        initializer: params.biasInitializer,
        regularizer: regularizerOf(params.biasRegularizer, who),
      });
    const part = (name: string, x: Value, from: number, to: number) => {
      const kernel = context.weight(`${name}/kernel`, [from, to], {
        initializer: params.kernelInitializer,
        regularizer: regularizerOf(params.kernelRegularizer, who),
      });
      const product = g.matmul(x, kernel);
      const y = params.useBias ? g.add(product, biasOf(name, to)) : product;
      penalize(context, [y], params.activityRegularizer);
      return y;
    };
    // the scale goes to the queries, which are smaller than the scores
    const q = g.mul(part("query", query!, sizes[0]!, heads * keyDim), 1 / Math.sqrt(keyDim));
    const k = part("key", key!, sizes[2]!, heads * keyDim);
    const v = part("value", value!, sizes[1]!, heads * valueDim);
    const scores = g.matmul(
      split(context, q, heads, keyDim, [0, 2, 1, 3]),
      split(context, k, heads, keyDim, [0, 2, 3, 1]),
    );
    const seen = masks(context, params.useCausalMask, maskOf(value!) ?? maskOf(key!), scores);
    const attention = g.softmax(seen);
    const kept = dropped(context, attention, params.dropout);
    const joined = g.transpose(g.matmul(kept, split(context, v, heads, valueDim, [0, 2, 1, 3])), [0, 2, 1, 3]);
    const flat = g.reshape(joined, [0, 0, heads * valueDim]);
    return part("output", flat, heads * valueDim, params.outputDim ?? sizes[0]!);
  },
});

/** [batch, time, heads * size] as heads; `order` says which of [batch, time, heads, size] goes where. */
function split({ g }: BuildContext, x: Value, heads: number, size: number, order: readonly number[]): Value {
  return g.transpose(g.reshape(x, [0, 0, heads, size]), order);
}

/** Scores of places that are not looked at become very small. */
function masks({ g }: BuildContext, isCausal: boolean, mask: Value | undefined, scores: Value): Value {
  const low = -1e9;
  const shown = mask === undefined ? scores : g.where(g.unsqueeze(mask, [1, 2]), scores, low);
  if (!isCausal) return shown;
  const [rows, columns] = (scores.shape ?? []).slice(2);
  return g.where(past(g, scores, rows, columns), shown, low);
}

/** Whether a column is at or before its row: [rows, columns], a constant where both are known. */
function past(g: BuildContext["g"], scores: Value, rows: Dim | undefined, columns: Dim | undefined): Value {
  const count = (size: Dim | undefined, axis: number) =>
    typeof size === "number" ? size : g.gather(g.shapeOf(scores), axis);
  return g.lessOrEqual(g.unsqueeze(g.range(0, count(columns, 3)), [0]), g.unsqueeze(g.range(0, count(rows, 2)), [1]));
}

function dropped({ g, training, uniform }: BuildContext, attention: Value, rate: number): Value {
  if (!training || rate === 0) return attention;
  if (!attention.shape?.every((size) => typeof size === "number")) {
    throw new ShapeError("MultiHeadAttention", "dropout while training needs known sizes");
  }
  const kept = g.cast(g.greaterOrEqual(uniform(attention.shape as readonly number[]), rate), "float32");
  return g.mul(attention, g.mul(kept, 1 / (1 - rate)));
}
