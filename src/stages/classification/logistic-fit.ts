/** @file Fits a logistic regression: Spark ML's objective over the coefficients, minimised. */

import { DataError, type Who } from "../../errors.js";
import { lbfgs, type Minimum, type Objective } from "../../optim/lbfgs.js";
import { Tensor } from "../../tensor/tensor.js";
import type { Summary } from "./block-tasks.js";
import { lossGraph } from "./logistic-graphs.js";
import type { TrainingData } from "./training-data.js";

export interface LogisticOptions {
  /** `binomial`: one row of coefficients for class 1 of 0 and 1; `multinomial`: one per class. */
  readonly family: "binomial" | "multinomial";
  readonly regParam: number;
  readonly elasticNetParam: number;
  readonly fitIntercept: boolean;
  readonly standardization: boolean;
  readonly maxIter: number;
  readonly tol: number;
  readonly signal?: AbortSignal | undefined;
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
export async function fitLogistic(data: TrainingData, options: LogisticOptions, who: Who): Promise<LogisticFit> {
  const { fitIntercept, regParam, maxIter, tol, signal, onIteration } = options;
  checkClasses(data.summary, who);
  const classes = Math.max(2, data.summary.classWeights.length);
  const outputs = options.family === "binomial" ? 1 : classes;
  const space = new SearchSpace(data.summary, outputs, options);
  const graph = lossGraph({ features: space.features, classes, outputs }, data.featureType);

  const objective: Objective = async (point) => {
    const { coefficients, intercepts } = space.toOriginal(point);
    const sums = await data.loss(graph, coefficients, intercepts, signal);
    return space.penalised(point, sums.loss, sums.coefficients, sums.intercepts);
  };
  const l1 = space.l1;
  const minimum = await lbfgs(objective, space.start(), { maxIter, tol, l1, signal, onIteration });
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

function checkClasses({ classWeights, weight, rows }: Summary, who: Who): void {
  if (weight === 0) throw new DataError(who, `the weights of all ${rows} rows are 0; there is nothing to learn from`);
  const present = [...classWeights.keys()].filter((label) => classWeights[label]! > 0);
  if (present.length < 2) {
    throw new DataError(who, `all ${rows} rows have label ${present[0]}; training needs at least two classes`, {
      code: "ONE_CLASS",
    });
  }
}

/**
 * The space that is searched: columns are scaled to equal curvature, and centred where an intercept makes up for it. The
 * model is the same, but its objective is round, so that few steps suffice.
 */
class SearchSpace {
  readonly features: number;
  readonly #summary: Summary;
  readonly #outputs: number;
  readonly #options: LogisticOptions;
  readonly #l2: number;
  /** Search coordinate per coefficient, by column; 0 for constant columns. */
  readonly #scale: Float64Array;
  /** What the penalty is of: search coordinate times this. */
  readonly #penalty: Float64Array;

  constructor(summary: Summary, outputs: number, options: LogisticOptions) {
    const { regParam, elasticNetParam, standardization } = options;
    this.features = summary.mean.length;
    this.#summary = summary;
    this.#outputs = outputs;
    this.#options = options;
    this.#l2 = regParam * (1 - elasticNetParam);
    // the loss bends by at most a quarter of a column's variance; a penalty on original coefficients adds its own
    const bend = standardization ? 0 : 4 * this.#l2;
    this.#scale = deviations(summary).map((deviation) => (deviation === 0 ? 0 : Math.sqrt(deviation ** 2 + bend)));
    this.#penalty = this.#scale.map((scale) => (standardization || scale === 0 ? 1 : 1 / scale));
  }

  /** L1 penalty per coordinate, where there is one. */
  get l1(): Float64Array | undefined {
    const l1 = this.#options.regParam * this.#options.elasticNetParam;
    if (l1 === 0) return undefined;
    const count = this.#outputs * this.features;
    return this.#point((i) => (i < count ? l1 * this.#penalty[i % this.features]! : 0));
  }

  /** Coefficients 0, and the intercepts that fit the classes' weights. */
  start(): Float64Array {
    const { classWeights } = this.#summary;
    const logs = classWeights.map((weight) => Math.log1p(weight));
    const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
    const count = this.#outputs * this.features;
    const binomial = Math.log(classWeights[1]! / classWeights[0]!);
    return this.#point((i) => (i < count ? 0 : this.#outputs === 1 ? binomial : logs[i - count]! - mean));
  }

  toOriginal(point: Float64Array): { coefficients: Float64Array; intercepts: Float64Array } {
    const { features } = this;
    const { fitIntercept } = this.#options;
    const coefficients = new Float64Array(this.#outputs * features);
    const intercepts = new Float64Array(this.#outputs);
    for (let k = 0; k < this.#outputs; k++) {
      let offset = 0;
      for (let j = 0; j < features; j++) {
        const scale = this.#scale[j]!;
        const coefficient = scale === 0 ? 0 : point[k * features + j]! / scale;
        coefficients[k * features + j] = coefficient;
        offset += coefficient * this.#summary.mean[j]!;
      }
      if (fitIntercept) intercepts[k] = point[this.#outputs * features + k]! - offset;
    }
    return { coefficients, intercepts };
  }

  /** Mean loss with the smooth penalty and its gradient, from sums over rows and gradients of the original model. */
  penalised(point: Float64Array, loss: number, coefficients: Float64Array, intercepts: Float64Array) {
    const { features } = this;
    const { fitIntercept } = this.#options;
    const { weight, mean } = this.#summary;
    let value = loss / weight;
    const gradient = new Float64Array(point.length);
    for (let k = 0; k < this.#outputs; k++) {
      const slope = fitIntercept ? intercepts[k]! : 0;
      for (let j = 0; j < features; j++) {
        const i = k * features + j;
        const scale = this.#scale[j]!;
        if (scale === 0) continue;
        const penalty = this.#penalty[j]!;
        value += (this.#l2 / 2) * (penalty * point[i]!) ** 2;
        gradient[i] = (coefficients[i]! - mean[j]! * slope) / (scale * weight) + this.#l2 * penalty ** 2 * point[i]!;
      }
      if (fitIntercept) gradient[this.#outputs * features + k] = slope / weight;
    }
    return { value, gradient };
  }

  #point(coordinate: (i: number) => number): Float64Array {
    const intercepts = this.#options.fitIntercept ? this.#outputs : 0;
    return Float64Array.from({ length: this.#outputs * this.features + intercepts }, (_, i) => coordinate(i));
  }
}

/** Standard deviations of the columns, as Spark ML's summarizer gives them for weighted rows; 0 for constant columns. */
function deviations({ weight, weightSquares, mean, squares }: Summary): Float64Array {
  const freedom = weight - weightSquares / weight;
  return squares.map((sum, j) => {
    const deviation = freedom > 0 ? Math.sqrt(sum / freedom) : 0;
    // what is left is rounding
    return deviation <= 1e-12 * Math.abs(mean[j]!) ? 0 : deviation;
  });
}

/** Subtracts the mean of every `step`-th value, from `first` on. */
function center(values: Float64Array, first: number, step: number): void {
  let sum = 0;
  let count = 0;
  for (let i = first; i < values.length; i += step, count++) sum += values[i]!;
  for (let i = first; i < values.length; i += step) values[i]! -= sum / count;
}
