/** @file Fits a linear regression: Spark ML's objectives over coefficients and intercept, minimised. */

import { cholesky, solveCholesky } from "../../optim/cholesky.js";
import { lbfgs, type Objective, type OnIteration } from "../../optim/lbfgs.js";
import type { LinearOptions } from "../objective/linear-params.js";
import { LinearSpace, type LinearWeights } from "../objective/linear-space.js";
import { deviationsOf, type Freedom, labelDeviationOf } from "../objective/summary.js";
import type { TrainingRows } from "../objective/training-rows.js";
import { huberLoss, moments, squaredLoss } from "./linear-graphs.js";

export interface LinearFitOptions extends LinearOptions {
  readonly loss: "squaredError" | "huber";
  readonly epsilon: number;
  readonly solver: "normal" | "l-bfgs";
  readonly onIteration?: OnIteration | undefined;
}

export interface LinearFit extends LinearWeights {
  /** Of Huber's loss: the size of an ordinary residual; 1 for others. */
  readonly scale: number;
  readonly history: readonly number[];
}

/**
 * Minimises, of squared error,
 *
 *     sum(weight * (error / d)^2) / 2 sum(weight) + regParam / d * sum(elasticNet * |c| + (1 - elasticNet) / 2 * c^2)
 *
 * where d is the label's standard deviation and c are the coefficients over d, times their columns' standard deviations under
 * `standardization`: Spark ML's objective, in which the label is standardised too. Huber's loss is of the label itself,
 * without L1. Constant columns keep the coefficient 0.
 */
export async function fitLinear(data: TrainingRows, options: LinearFitOptions): Promise<LinearFit> {
  if (options.loss === "huber") return await fitHuber(data, options);
  const freedom: Freedom = options.solver === "normal" ? "population" : "sample";
  const { labelMean } = data.summary;
  const { fitIntercept } = options;
  const spread = labelDeviationOf(data.summary, freedom);
  if (spread === 0 && (fitIntercept || labelMean === 0)) {
    const coefficients = new Float64Array(data.summary.mean.length);
    return { coefficients, intercepts: Float64Array.of(fitIntercept ? labelMean : 0), scale: 1, history: [0] };
  }
  const unit = spread === 0 ? Math.abs(labelMean) : spread;
  const { regParam, elasticNetParam, standardization, maxIter, tol, signal, onIteration } = options;
  const space = new LinearSpace(data.summary, {
    ...{ outputs: 1, fitIntercept, curvature: 1, standardization },
    deviations: deviationsOf(data.summary, freedom),
    // in units of the label: its square for the error, itself for coefficients
    l1: regParam * elasticNetParam,
    l2: (regParam * (1 - elasticNetParam)) / unit,
  });
  const evaluate = options.solver === "normal" ? await quadratic(data, space, options) : byRows(data, space, options);
  if (options.solver === "normal" && regParam * elasticNetParam === 0) {
    const exact = await solved(space, evaluate);
    if (exact !== undefined) {
      const { value } = await evaluate(exact);
      return { ...space.toOriginal(exact), scale: 1, history: [value / unit ** 2] };
    }
  }
  const objective: Objective = async (point) => {
    const { value, gradient } = await evaluate(point);
    return { value: value / unit ** 2, gradient: gradient.map((slope) => slope / unit ** 2) };
  };
  const l1 = space.l1?.map((strength) => strength / unit ** 2);
  const found = await lbfgs(
    objective,
    space.start(() => labelMean),
    { maxIter, tol, l1, signal, onIteration },
  );
  return { ...space.toOriginal(found.point), scale: 1, history: found.history };
}

/** The objective by a pass over the rows. */
function byRows(data: TrainingRows, space: LinearSpace, { signal }: LinearFitOptions): Objective {
  const sums = squaredLoss(space.features, data.featureType);
  return async (point) => {
    const found = await data.sums(sums, { ...space.toOriginal(point) }, signal);
    const gradient = { coefficients: found["grad/coefficients"]!, intercepts: found["grad/intercepts"]! };
    return space.evaluation(point, found.loss![0]!, gradient);
  };
}

/** The same objective from second moments, which one pass gives. */
async function quadratic(data: TrainingRows, space: LinearSpace, options: LinearFitOptions): Promise<Objective> {
  const { weight, labelSquares, mean, labelMean } = data.summary;
  const { fitIntercept, signal } = options;
  // about the means where an intercept makes up for them: nothing cancels out
  const about = fitIntercept ? mean : new Float64Array(mean.length);
  const parameters = { mean: about, labelMean: Float64Array.of(fitIntercept ? labelMean : 0) };
  const { gram, cross } = await data.sums(moments(space.features, data.featureType), parameters, signal);
  const total = labelSquares + (fitIntercept ? 0 : weight * labelMean ** 2);
  const width = space.features;
  return async (point) => {
    const { coefficients, intercepts } = space.toOriginal(point);
    const slopes = new Float64Array(width);
    let loss = total / 2;
    for (let i = 0; i < width; i++) {
      let product = 0;
      for (let j = 0; j < width; j++) product += gram![i * width + j]! * coefficients[j]!;
      loss += coefficients[i]! * (product / 2 - cross![i]!);
      slopes[i] = product - cross![i]!;
    }
    if (!fitIntercept) return space.evaluation(point, loss, { coefficients: slopes, intercepts });
    // how far the mean prediction is off adds to every row's error
    const off = intercepts[0]! + coefficients.reduce((sum, c, j) => sum + c * mean[j]!, 0) - labelMean;
    const gradient = {
      coefficients: slopes.map((slope, j) => slope + weight * off * mean[j]!),
      intercepts: Float64Array.of(weight * off),
    };
    return space.evaluation(point, loss + (weight / 2) * off ** 2, gradient);
  };
}

/** Where the gradient of a quadratic objective is 0; undefined where that is no single point. */
async function solved(space: LinearSpace, evaluate: Objective): Promise<Float64Array | undefined> {
  const n = space.size;
  const at0 = (await evaluate(new Float64Array(n))).gradient;
  const hessian = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const unit = new Float64Array(n);
    unit[i] = 1;
    const { gradient } = await evaluate(unit);
    for (let j = 0; j < n; j++) hessian[i * n + j] = gradient[j]! - at0[j]!;
    // a constant column: its coordinate means nothing
    if (gradient.every((slope, j) => slope === at0[j])) hessian[i * n + i] = 1;
    if (i % 16 === 0) await new Promise(setImmediate);
  }
  const factor = await cholesky(hessian, n);
  return (
    factor &&
    solveCholesky(
      factor,
      at0.map((slope) => -slope),
    )
  );
}

async function fitHuber(data: TrainingRows, options: LinearFitOptions): Promise<LinearFit> {
  const { fitIntercept, standardization, regParam, epsilon, maxIter, tol, signal, onIteration } = options;
  const penalty = { l1: 0, l2: regParam, standardization };
  const space = new LinearSpace(data.summary, { outputs: 1, fitIntercept, curvature: 1, ...penalty });
  const sums = huberLoss(space.features, data.featureType, epsilon);
  // the scale's logarithm is searched, so that it stays above 0
  const objective: Objective = async (point) => {
    const scale = Math.exp(point.at(-1)!);
    const model = point.subarray(0, -1);
    const found = await data.sums(sums, { ...space.toOriginal(model), scale: Float64Array.of(scale) }, signal);
    const gradient = { coefficients: found["grad/coefficients"]!, intercepts: found["grad/intercepts"]! };
    const evaluation = space.evaluation(model, found.loss![0]!, gradient);
    const slope = (scale * found["grad/scale"]![0]!) / data.summary.weight;
    return { value: evaluation.value, gradient: Float64Array.from([...evaluation.gradient, slope]) };
  };
  const { labelMean } = data.summary;
  const first = Math.log(labelDeviationOf(data.summary) || 1);
  const start = Float64Array.from([...space.start(() => labelMean), first]);
  const found = await lbfgs(objective, start, { maxIter, tol, signal, onIteration });
  const weights = space.toOriginal(found.point.subarray(0, -1));
  return { ...weights, scale: Math.exp(found.point.at(-1)!), history: found.history };
}
