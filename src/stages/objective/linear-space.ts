/** @file LinearSpace: where the coefficients of linear models are searched, and their penalty. */

import type { Evaluation } from "../../optim/lbfgs.js";
import { deviationsOf, type Summary } from "./summary.js";

export interface Penalty {
  /** Of `sum(|c|)`. */
  readonly l1: number;
  /** Of `sum(c^2) / 2`. */
  readonly l2: number;
  /** Whether c are the coefficients times their columns' standard deviations, or the coefficients. */
  readonly standardization: boolean;
}

export interface LinearOptions extends Penalty {
  /** Rows of coefficients. */
  readonly outputs: number;
  readonly fitIntercept: boolean;
  /** How much the loss bends at most, as a part of a column's variance. */
  readonly curvature: number;
  /** Standard deviations of the columns, 0 for those that stay out. Default: Spark ML's for samples. */
  readonly deviations?: Float64Array;
}

/** A model in its own terms. */
export interface LinearWeights {
  /** [outputs, features] */
  readonly coefficients: Float64Array;
  readonly intercepts: Float64Array;
}

/**
 * The space that is searched: columns are scaled to equal curvature, and centred where an intercept makes up for it. The
 * model is the same, but its objective is round, so that few steps suffice. Constant columns keep the coefficient 0, as in
 * Spark ML.
 */
export class LinearSpace {
  readonly features: number;
  readonly #summary: Summary;
  readonly #options: LinearOptions;
  /** Search coordinate per coefficient, by column; 0 for constant columns. */
  readonly #scale: Float64Array;
  /** What the penalty is of: search coordinate times this. */
  readonly #penalty: Float64Array;

  constructor(summary: Summary, options: LinearOptions) {
    const { l2, standardization, curvature, deviations = deviationsOf(summary) } = options;
    this.features = summary.mean.length;
    this.#summary = summary;
    this.#options = options;
    // a penalty on original coefficients adds its own curvature
    const bend = standardization ? 0 : l2 / curvature;
    this.#scale = deviations.map((deviation) => (deviation === 0 ? 0 : Math.sqrt(deviation ** 2 + bend)));
    this.#penalty = this.#scale.map((scale) => (standardization || scale === 0 ? 1 : 1 / scale));
  }

  /** Coordinates: coefficients row by row, then intercepts if there are any. */
  get size(): number {
    const { outputs, fitIntercept } = this.#options;
    return outputs * this.features + (fitIntercept ? outputs : 0);
  }

  /** L1 penalty per coordinate, where there is one. */
  get l1(): Float64Array | undefined {
    const { l1, outputs } = this.#options;
    if (l1 === 0) return undefined;
    const count = outputs * this.features;
    return Float64Array.from({ length: this.size }, (_, i) => (i < count ? l1 * this.#penalty[i % this.features]! : 0));
  }

  /** Coefficients 0, with these intercepts. */
  start(intercept: (output: number) => number): Float64Array {
    const count = this.#options.outputs * this.features;
    return Float64Array.from({ length: this.size }, (_, i) => (i < count ? 0 : intercept(i - count)));
  }

  toOriginal(point: Float64Array): LinearWeights {
    const { features } = this;
    const { outputs, fitIntercept } = this.#options;
    const coefficients = new Float64Array(outputs * features);
    const intercepts = new Float64Array(outputs);
    for (let k = 0; k < outputs; k++) {
      let offset = 0;
      for (let j = 0; j < features; j++) {
        const scale = this.#scale[j]!;
        const coefficient = scale === 0 ? 0 : point[k * features + j]! / scale;
        coefficients[k * features + j] = coefficient;
        offset += coefficient * this.#summary.mean[j]!;
      }
      if (fitIntercept) intercepts[k] = point[outputs * features + k]! - offset;
    }
    return { coefficients, intercepts };
  }

  /** Mean loss with the smooth penalty and its gradient, from sums over rows and gradients of the original model. */
  evaluation(point: Float64Array, loss: number, { coefficients, intercepts }: LinearWeights): Evaluation {
    const { features } = this;
    const { outputs, fitIntercept, l2 } = this.#options;
    const { weight, mean } = this.#summary;
    let value = loss / weight;
    const gradient = new Float64Array(point.length);
    for (let k = 0; k < outputs; k++) {
      const slope = fitIntercept ? intercepts[k]! : 0;
      for (let j = 0; j < features; j++) {
        const i = k * features + j;
        const scale = this.#scale[j]!;
        if (scale === 0) continue;
        const penalty = this.#penalty[j]!;
        value += (l2 / 2) * (penalty * point[i]!) ** 2;
        gradient[i] = (coefficients[i]! - mean[j]! * slope) / (scale * weight) + l2 * penalty ** 2 * point[i]!;
      }
      if (fitIntercept) gradient[outputs * features + k] = slope / weight;
    }
    return { value, gradient };
  }
}
