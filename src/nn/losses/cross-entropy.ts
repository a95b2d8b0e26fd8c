/** @file Cross-entropy of class numbers. */

import { boolean } from "../../util/params.js";
import { losses } from "./loss.js";

/** -log of the probability that the prediction gives to the target's class; from logits [batch, classes]. */
export const crossEntropy = losses.define({
  type: "CrossEntropy",
  specs: { fromLogits: boolean("whether predictions are logits rather than probabilities", { default: true }) },
  positional: [],
  make: (params) => ({
    type: "CrossEntropy",
    params,
    target: "classes",
    activation: params.fromLogits ? "softmax" : "none",
    perRow({ g, prediction, target }) {
      const logits = params.fromLogits ? prediction : g.log(g.max(prediction, 1e-7));
      return g.ops("SoftmaxCrossEntropyLoss", [logits, target], { reduction: "none" }, { outputs: 2 })[0]!;
    },
  }),
});
