/** @file Losses of whole vectors: Kullback-Leibler divergence, cosine similarity. */

import type { Value } from "../../graph/value.js";
import { tiny } from "./logits.js";
import { defineLoss } from "./loss.js";

/** sum(target * log(target / prediction)) over the last dimension; both are probabilities, as after softmax. */
export const klDivergence = defineLoss({
  type: "KLDivergence",
  aliases: ["kld", "kullbackLeiblerDivergence"],
  specs: {},
  perPlace({ g, prediction, target }) {
    const [p, t] = [g.clip(prediction, tiny, 1), g.clip(target, tiny, 1)];
    return g.reduceSum(g.mul(t, g.sub(g.log(t), g.log(p))), { axes: [-1] });
  },
});

/** Minus the cosine of the angle between prediction and target, along the last dimension; 0 where one of them is 0. */
export const cosineSimilarity = defineLoss({
  type: "CosineSimilarity",
  aliases: ["cosineProximity"],
  predicts: "values",
  specs: {},
  perPlace({ g, prediction, target }) {
    const dot = (a: Value, b: Value) => g.reduceSum(g.mul(a, b), { axes: [-1] });
    // lengths below 1e-6 count as that
    const length = (x: Value) => g.sqrt(g.max(dot(x, x), 1e-12));
    return g.neg(g.div(dot(prediction, target), g.mul(length(prediction), length(target))));
  },
});
