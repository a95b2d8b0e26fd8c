/** @file RegressionSums: how far predictions of a number are off. */

import type { Numbers } from "./confusion-matrix.js";

/** Weight, mean and sum of weighted squared distances from the mean. */
interface Moments {
  readonly mean: number;
  readonly squares: number;
}

/**
 * Errors of predictions, and the spread of labels and predictions. Mergeable.
 *
 * @example
 * const sums = new RegressionSums();
 * sums.add([1, 2, 3], [1, 2, 4]);
 * sums.mse; // 1 / 3
 */
export class RegressionSums {
  /** Rows left out because label, prediction or weight was no number. */
  invalid = 0;
  rows = 0;
  weight = 0;
  #squaredErrors = 0;
  #absoluteErrors = 0;
  #label: Moments = { mean: 0, squares: 0 };
  #prediction: Moments = { mean: 0, squares: 0 };

  add(labels: Numbers, predictions: Numbers, weights?: Numbers): void {
    for (let i = 0; i < labels.length; i++) {
      const [label, prediction, weight] = [labels[i]!, predictions[i]!, weights?.[i] ?? 1];
      if (!(Number.isFinite(label) && Number.isFinite(prediction) && Number.isFinite(weight))) {
        this.invalid++;
        continue;
      }
      this.rows++;
      if (weight === 0) continue;
      this.#label = joined(this.#label, this.weight, { mean: label, squares: 0 }, weight);
      this.#prediction = joined(this.#prediction, this.weight, { mean: prediction, squares: 0 }, weight);
      this.weight += weight;
      this.#squaredErrors += weight * (label - prediction) ** 2;
      this.#absoluteErrors += weight * Math.abs(label - prediction);
    }
  }

  merge(other: RegressionSums): void {
    this.invalid += other.invalid;
    this.rows += other.rows;
    if (other.weight === 0) return;
    this.#label = joined(this.#label, this.weight, other.#label, other.weight);
    this.#prediction = joined(this.#prediction, this.weight, other.#prediction, other.weight);
    this.weight += other.weight;
    this.#squaredErrors += other.#squaredErrors;
    this.#absoluteErrors += other.#absoluteErrors;
  }

  /** Mean squared error. */
  get mse(): number {
    return this.#squaredErrors / this.weight;
  }

  get rmse(): number {
    return Math.sqrt(this.mse);
  }

  /** Mean absolute error. */
  get mae(): number {
    return this.#absoluteErrors / this.weight;
  }

  /** Explained variance: mean squared distance of the predictions from the mean label, as in Spark ML. */
  get explainedVariance(): number {
    return this.#prediction.squares / this.weight + (this.#prediction.mean - this.#label.mean) ** 2;
  }

  /** 1 - squared errors / squared distances of labels from their mean; from 0 where the model has no intercept. */
  r2(throughOrigin = false): number {
    const { mean, squares } = this.#label;
    return 1 - this.#squaredErrors / (throughOrigin ? squares + this.weight * mean ** 2 : squares);
  }
}

/** Moments of two parts with their weights (Chan, Golub and LeVeque, 1979). */
function joined(a: Moments, weightA: number, b: Moments, weightB: number): Moments {
  const part = weightB / (weightA + weightB);
  const distance = b.mean - a.mean;
  return { mean: a.mean + distance * part, squares: a.squares + b.squares + distance ** 2 * weightA * part };
}
