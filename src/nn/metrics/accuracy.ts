/** @file Accuracy of predicted classes. */

import { metrics } from "./batch-metric.js";

/** Part of the rows (or places of sequences) whose most likely class is the target's; at 0.5 where there is one output. */
export const accuracy = metrics.define({
  type: "Accuracy",
  specs: {},
  positional: [],
  make: (params) => ({
    type: "Accuracy",
    params,
    name: "accuracy",
    isLargerBetter: true,
    size: 2,
    sums({ g, prediction, target, targetIs, weight }) {
      const isBinary = prediction.shape?.at(-1) === 1 || targetIs === "values";
      const right =
        isBinary && prediction.rank === target.rank
          ? g.equal(g.greater(prediction, 0.5), g.greater(target, 0.5))
          : g.equal(g.argMax(prediction, { axis: -1 }), target);
      const flat = g.reshape(g.cast(right, "float32"), [0, -1]);
      const rows = g.reduceMean(flat, { axes: [1] });
      return g.concat(g.reshape(g.reduceSum(g.mul(rows, weight)), [1]), [g.reshape(g.reduceSum(weight), [1])], {
        axis: 0,
      });
    },
    result: ([right, all]) => right! / all!,
  }),
});
