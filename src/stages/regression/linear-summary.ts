/** @file How well a linear model fits the rows it was learned from. */

import type { LinearWeights } from "../objective/linear-space.js";
import type { TrainingRows } from "../objective/training-rows.js";
import { residuals } from "./linear-graphs.js";

/** Named as in Spark ML; weighted as scikit-learn does. All but the first two are NaN where the fit was aborted. */
export interface LinearSummary {
  readonly numInstances: number;
  readonly degreesOfFreedom: number;
  readonly meanSquaredError: number;
  readonly rootMeanSquaredError: number;
  readonly meanAbsoluteError: number;
  /** Mean squared distance of predictions from the label's mean. */
  readonly explainedVariance: number;
  /** Without an intercept: compared with predicting 0, not the mean. */
  readonly r2: number;
  readonly r2adj: number;
}

/** Of a fit that was aborted, so that there is no time for a pass. */
export function unknownSummary({ summary: { rows, mean } }: TrainingRows, fitIntercept: boolean): LinearSummary {
  return {
    numInstances: rows,
    degreesOfFreedom: rows - mean.length - (fitIntercept ? 1 : 0),
    meanSquaredError: Number.NaN,
    rootMeanSquaredError: Number.NaN,
    meanAbsoluteError: Number.NaN,
    explainedVariance: Number.NaN,
    r2: Number.NaN,
    r2adj: Number.NaN,
  };
}

/** One pass over the rows. */
export async function summaryOf(
  data: TrainingRows,
  { coefficients, intercepts }: LinearWeights,
  fitIntercept: boolean,
  signal: AbortSignal | undefined,
): Promise<LinearSummary> {
  const { rows, weight, labelMean, labelSquares } = data.summary;
  const features = coefficients.length;
  const parameters = { coefficients, intercepts, labelMean: Float64Array.of(labelMean) };
  const found = await data.sums(residuals(features, data.featureType), parameters, signal);
  const [squared, absolute, explained] = ["squaredError", "absoluteError", "explained"].map((name) => found[name]![0]!);
  const total = labelSquares + (fitIntercept ? 0 : weight * labelMean ** 2);
  const r2 = 1 - squared! / total;
  const intercept = fitIntercept ? 1 : 0;
  const degreesOfFreedom = rows - features - intercept;
  return {
    numInstances: rows,
    degreesOfFreedom,
    meanSquaredError: squared! / weight,
    rootMeanSquaredError: Math.sqrt(squared! / weight),
    meanAbsoluteError: absolute! / weight,
    explainedVariance: explained! / weight,
    r2,
    r2adj: 1 - ((1 - r2) * (rows - intercept)) / degreesOfFreedom,
  };
}
