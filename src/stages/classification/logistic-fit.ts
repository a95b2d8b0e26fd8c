/** @file Fits a logistic regression: Spark ML's objective over the coefficients, minimised. */

import type { Who } from "../../errors.js";
import { lbfgs, type Minimum, type Objective } from "../../optim/lbfgs.js";
import { Tensor } from "../../tensor/tensor.js";
import { Asset } from "../../util/asset.js";
import type { LinearOptions } from "../objective/linear-params.js";
import { LinearSpace } from "../objective/linear-space.js";
import type { SumGraph } from "../objective/sums.js";
import type { TrainingRows } from "../objective/training-rows.js";
import { requireClasses } from "./classifier-params.js";
import { lossGraph } from "./logistic-graphs.js";

export interface LogisticOptions extends LinearOptions {
  /** `binomial`: one row of coefficients for class 1 of 0 and 1; `multinomial`: one per class. */
  readonly family: "binomial" | "multinomial";
  readonly onIteration?: ((iteration: number, value: number) => void) | undefined;
}

export interface LogisticFit extends Pick<Minimum, "history" | "iterations" | "reason"> {
  /** [1 or classes, features] */
  readonly coefficients: Tensor<"float64">;
  readonly intercepts: Tensor<"float64">;
}

/**
 * Minimises
 *
 *     sum(weight * loss) / sum(weight) + regParam * sum(elasticNet * |c| + (1 - elasticNet) / 2 * c^2)
 *
 * where c are the coefficients, times their columns' standard deviations under `standardization`. Intercepts are not
 * penalised. As in Spark ML: a constant column has coefficient 0; of the many equal solutions with a row per class the
 * one with centred intercepts (and without a penalty centred coefficients) is taken.
 *
 * @throws DataError where there is one class only, or all weights are 0.
 */
export async function fitLogistic(data: TrainingRows, options: LogisticOptions, who: Who): Promise<LogisticFit> {
  const { fitIntercept, regParam, elasticNetParam, standardization, maxIter, tol, signal, onIteration } = options;
  const { classWeights } = data.summary;
  requireClasses(data.summary, who);
  const classes = Math.max(2, classWeights.length);
  const outputs = options.family === "binomial" ? 1 : classes;
  const penalty = { l1: regParam * elasticNetParam, l2: regParam * (1 - elasticNetParam), standardization };
  // the cross entropy bends by at most a quarter of a column's variance
  const space = new LinearSpace(data.summary, { outputs, fitIntercept, curvature: 1 / 4, ...penalty });
  const sums: SumGraph = {
    graph: new Asset(lossGraph({ features: space.features, classes, outputs }, data.featureType).toBytes()),
    name: "logistic loss",
    // small enough for a processor's cache
    rows: Math.max(1, Math.floor(2 ** 18 / Math.max(space.features, classes))),
    parameters: { coefficients: [outputs, space.features], intercepts: [outputs] },
  };

  const objective: Objective = async (point) => {
    const found = await data.sums(sums, { ...space.toOriginal(point) }, signal);
    const gradient = { coefficients: found["grad/coefficients"]!, intercepts: found["grad/intercepts"]! };
    return space.evaluation(point, found.loss![0]!, gradient);
  };
  // the intercepts that fit the classes' weights
  const logs = classWeights.map((weight) => Math.log1p(weight));
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const start = space.start((k) => (outputs === 1 ? Math.log(classWeights[1]! / classWeights[0]!) : logs[k]! - mean));
  const minimum = await lbfgs(objective, start, { maxIter, tol, l1: space.l1, signal, onIteration });
  const { coefficients, intercepts } = space.toOriginal(minimum.point);
  if (outputs > 1) {
    if (regParam === 0) for (let j = 0; j < space.features; j++) center(coefficients, j, space.features);
    if (fitIntercept) center(intercepts, 0, 1);
  }
  const { history, iterations, reason } = minimum;
  return {
    coefficients: new Tensor("float64", coefficients, [outputs, space.features]),
    intercepts: new Tensor("float64", intercepts),
    history,
    iterations,
    reason,
  };
}

/** Subtracts the mean of every `step`-th value, from `first` on. */
function center(values: Float64Array, first: number, step: number): void {
  let sum = 0;
  let count = 0;
  for (let i = first; i < values.length; i += step, count++) sum += values[i]!;
  for (let i = first; i < values.length; i += step) values[i]! -= sum / count;
}
