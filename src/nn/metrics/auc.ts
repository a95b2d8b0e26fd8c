/** @file AUC: area under the ROC curve or the precision-recall curve, by thresholds. */

import { choice, integer } from "../../util/params.js";
import { defineMetric } from "./batch-metric.js";
import { decisionsOf, weightsOf } from "./places.js";

/**
 * Area under the curve of all thresholds, as Keras's AUC: rows are counted between 200 thresholds, the ROC curve is put together
 * by trapezoids, the precision-recall curve by Davis and Goadrich's interpolation (2006). Exact where no two scores of
 * different rows share an interval; `BinaryScores` is exact always, but no sum.
 *
 * @example nn.metrics.auc({ curve: "PR" })
 */
export const auc = defineMetric({
  type: "AUC",
  specs: {
    curve: choice("true over false positive rate, or precision over recall", ["ROC", "PR"], { default: "ROC" }),
    numThresholds: integer("thresholds, evenly from 0 to 1", { default: 200, min: 2 }),
  },
  isLargerBetter: true,
  name: ({ curve }) => (curve === "ROC" ? "auc" : "pr_auc"),
  // positives of each interval, then negatives
  size: ({ numThresholds }) => 2 * numThresholds,
  sums(inputs, { numThresholds: count }) {
    const { g } = inputs;
    const { scores, positive } = decisionsOf("AUC", inputs);
    const flat = (x: typeof scores) => g.reshape(x, [-1]);
    // 0 is in the first interval, as in Keras; scores are kept within 0 and 1
    const interval = g.sub(g.ceil(g.mul(g.clip(flat(scores), 0, 1), count - 1)), 1);
    const at = g.add(
      g.cast(g.relu(interval), "int64"),
      g.where(flat(positive), g.constant(0, "int64"), g.constant(count, "int64")),
    );
    const none = g.fill(g.ints([2 * count]), 0);
    return g.scatterElements(none, at, flat(weightsOf(inputs, scores)), { reduction: "add" });
  },
  result(sums, { curve, numThresholds }) {
    const [positives, negatives] = [above(sums.subarray(0, numThresholds)), above(sums.subarray(numThresholds))];
    return curve === "ROC" ? underRoc(positives, negatives) : underPrecisionRecall(positives, negatives);
  },
});

/** How much lies above each threshold. */
function above(counts: Float64Array): Float64Array {
  const sums = counts.slice();
  for (let i = sums.length - 2; i >= 0; i--) sums[i]! += sums[i + 1]!;
  return sums;
}

function underRoc(positives: Float64Array, negatives: Float64Array): number {
  let area = 0;
  for (let i = 0; i + 1 < positives.length; i++) {
    area += ((positives[i]! + positives[i + 1]!) / 2) * (negatives[i]! - negatives[i + 1]!);
  }
  return area / positives[0]! / negatives[0]!;
}

function underPrecisionRecall(positives: Float64Array, negatives: Float64Array): number {
  const found = positives.map((value, i) => value + negatives[i]!);
  let area = 0;
  for (let i = 0; i + 1 < positives.length; i++) {
    const [more, all] = [positives[i]! - positives[i + 1]!, found[i]! - found[i + 1]!];
    const slope = more / Math.max(all, 1e-12);
    const start = positives[i + 1]! - slope * found[i + 1]!;
    const ratio = found[i + 1]! > 0 && found[i]! > 0 ? found[i]! / found[i + 1]! : 1;
    area += slope * (more + start * Math.log(ratio));
  }
  return area / positives[0]!;
}
