/** @file Errors of predicted numbers: MSE, RMSE, MAE, MAPE, R2; log loss and cosine similarity of vectors. */

import { ShapeError } from "../../errors.js";
import type { Value } from "../../graph/value.js";
import { integer } from "../../util/params.js";
import { tiny } from "../losses/logits.js";
import { defineMetric, type MetricInputs } from "./batch-metric.js";
import { decisionsOf, isDistribution, labelsOf, weightedSums, weightsOf } from "./places.js";

interface Mean {
  readonly type: string;
  readonly aliases: readonly string[];
  readonly name: string;
  readonly isLargerBetter?: boolean;
  /** Values of the places. */
  of(inputs: MetricInputs): Value;
  /** Of the mean; default the mean itself. */
  readonly result?: (mean: number) => number;
}

/** A metric that is a weighted mean over places. */
function meanMetric({ type, aliases, name, isLargerBetter = false, of, result = (mean) => mean }: Mean) {
  return defineMetric({
    type,
    aliases,
    specs: {},
    isLargerBetter,
    name: () => name,
    size: () => 2,
    sums: (inputs) => weightedSums(inputs, of(inputs)),
    result: ([sum, weight]) => result(sum! / weight!),
  });
}

const squares = ({ g, prediction, target }: MetricInputs) => g.square(g.sub(prediction, target));

/** Mean of (prediction - target)^2. */
export const meanSquaredError = meanMetric({ type: "MeanSquaredError", aliases: ["mse"], name: "mse", of: squares });

/** Root of the mean of (prediction - target)^2. */
export const rootMeanSquaredError = meanMetric({
  type: "RootMeanSquaredError",
  aliases: ["rmse"],
  name: "rmse",
  of: squares,
  result: Math.sqrt,
});

/** Mean of |prediction - target|. */
export const meanAbsoluteError = meanMetric({
  type: "MeanAbsoluteError",
  aliases: ["mae"],
  name: "mae",
  of: ({ g, prediction, target }) => g.abs(g.sub(prediction, target)),
});

/** Mean of 100 * |prediction - target| / |target|, as the loss of that name. */
export const meanAbsolutePercentageError = meanMetric({
  type: "MeanAbsolutePercentageError",
  aliases: ["mape"],
  name: "mape",
  of: ({ g, prediction, target }) => g.mul(g.abs(g.div(g.sub(prediction, target), g.max(g.abs(target), tiny))), 100),
});

/** Mean cosine of the angle between prediction and target, along the last dimension. */
export const cosineSimilarity = meanMetric({
  type: "CosineSimilarity",
  aliases: ["cosine", "cosineProximity"],
  name: "cosine_similarity",
  isLargerBetter: true,
  of({ g, prediction, target }) {
    const dot = (a: Value, b: Value) => g.reduceSum(g.mul(a, b), { axes: [-1] });
    const length = (x: Value) => g.sqrt(g.max(dot(x, x), 1e-12));
    return g.div(dot(prediction, target), g.mul(length(prediction), length(target)));
  },
});

/** Mean of -log(probability of what is true), of classes or of yes and no; probabilities are at least 1e-7. */
export const logLoss = meanMetric({
  type: "LogLoss",
  aliases: ["crossEntropy", "binaryCrossentropy", "categoricalCrossentropy", "sparseCategoricalCrossentropy"],
  name: "log_loss",
  of(inputs) {
    const { g, prediction, target, targetIs } = inputs;
    const log = (p: Value) => g.log(g.clip(p, tiny, 1 - tiny));
    if (targetIs === "classes" && prediction.shape?.at(-1) !== 1) {
      const own = g.gatherElements(prediction, g.unsqueeze(labelsOf(inputs), [-1]), { axis: -1 });
      return g.neg(log(g.squeeze(own, [-1])));
    }
    if (targetIs === "values" && isDistribution(g, prediction)) {
      return g.neg(g.reduceSum(g.mul(target, log(prediction)), { axes: [-1] }));
    }
    const { scores, positive } = decisionsOf("LogLoss", inputs);
    return g.neg(g.where(positive, log(scores), log(g.sub(1, scores))));
  },
});

/** How many sums R2 needs of each output. */
const r2Sums = 4;

/**
 * 1 - (sum of squared errors) / (sum of squared distances to the mean): 1 is perfect, 0 as good as the mean. Of several
 * outputs it is the mean of theirs, as in scikit-learn.
 */
export const r2 = defineMetric({
  type: "R2Score",
  aliases: ["r2"],
  specs: { outputs: integer("number of outputs", { default: 1, min: 1 }) },
  isLargerBetter: true,
  name: () => "r2",
  size: ({ outputs }) => 2 * r2Sums * outputs,
  sums(inputs, { outputs }) {
    const { g, prediction, target } = inputs;
    const width = (prediction.rank ?? 1) > 1 ? prediction.shape?.at(-1) : 1;
    if (width !== outputs) {
      throw new ShapeError("R2Score", `${outputs} outputs expected, got ${width ?? "?"}; set outputs to their number`);
    }
    // in float64: the variance is a small difference of large sums where the mean is far from 0
    const columns = (x: Value) => g.cast(g.reshape(x, [-1, outputs]), "float64");
    const [y, weights] = [columns(target), columns(weightsOf(inputs, prediction))];
    const error = g.sub(y, columns(prediction));
    const weighted = g.mul(y, weights);
    const terms = [weights, weighted, g.mul(weighted, y), g.mul(g.square(error), weights)];
    const sums = terms.map((term) => g.reduceSum(term, { axes: [0] }));
    // handed over as the nearest float32 and what is missing
    const high = sums.map((sum) => g.cast(sum, "float32"));
    return [...high, ...sums.map((sum, i) => g.sub(sum, g.cast(high[i]!, "float64")))];
  },
  result(sums, { outputs }) {
    let total = 0;
    for (let i = 0; i < outputs; i++) {
      const sum = (k: number) => sums[k * outputs + i]! + sums[(r2Sums + k) * outputs + i]!;
      total += 1 - sum(3) / (sum(2) - sum(1) ** 2 / sum(0));
    }
    return total / outputs;
  },
});
