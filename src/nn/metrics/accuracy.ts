/** @file Accuracy: how often the answer is right, or among the first k. */

import { integer, number } from "../../util/params.js";
import { defineMetric } from "./batch-metric.js";
import { isDistribution, labelsOf, weightedSums } from "./places.js";

/**
 * Part of the rows (or places of sequences) whose most likely class is the target's, class numbers or one-hot vectors; of
 * single outputs, as of a sigmoid, the part that is on the target's side of the threshold.
 *
 * @example nn.metrics.accuracy()
 */
export const accuracy = defineMetric({
  type: "Accuracy",
  aliases: ["acc", "binaryAccuracy", "categoricalAccuracy", "sparseCategoricalAccuracy"],
  specs: { threshold: number("probability above which a single output counts as 1", { default: 0.5 }) },
  isLargerBetter: true,
  name: () => "accuracy",
  size: () => 2,
  sums(inputs, { threshold }) {
    const { g, prediction, target, targetIs } = inputs;
    const ofClasses = targetIs === "classes" ? prediction.shape?.at(-1) !== 1 : isDistribution(g, prediction);
    if (ofClasses) return weightedSums(inputs, g.equal(g.argMax(prediction, { axis: -1 }), labelsOf(inputs)));
    const wanted = target.rank === prediction.rank ? target : g.unsqueeze(target, [-1]);
    const isPositive = targetIs === "classes" ? g.greater(wanted, 0) : g.greater(wanted, 0.5);
    return weightedSums(inputs, g.equal(g.greater(prediction, threshold), isPositive));
  },
  result: ([right, all]) => right! / all!,
});

/** Part of the rows whose class is among the k most likely; classes as likely as the k-th count too, as in Keras. */
export const topKCategoricalAccuracy = defineMetric({
  type: "TopKCategoricalAccuracy",
  aliases: ["topK", "topKAccuracy", "sparseTopKCategoricalAccuracy"],
  specs: { k: integer("how many classes are looked at", { default: 5, min: 1 }) },
  isLargerBetter: true,
  name: ({ k }) => `top_${k}_accuracy`,
  size: () => 2,
  sums(inputs, { k }) {
    const { g, prediction } = inputs;
    const own = g.gatherElements(prediction, g.unsqueeze(labelsOf(inputs), [-1]), { axis: -1 });
    const above = g.reduceSum(g.cast(g.greater(prediction, own), "float32"), { axes: [-1] });
    return weightedSums(inputs, g.less(above, k));
  },
  result: ([right, all]) => right! / all!,
});
