/** @file EarlyStopping: ends a search when the loss of rows held back falls no more. */

import type { TrainingRows } from "../objective/training-rows.js";
import { perceptronLoss } from "./perceptron-fit.js";
import type { Perceptron } from "./perceptron-graphs.js";

export interface EarlyStoppingOptions extends Perceptron {
  /** A step helps where it lowers the loss by more than this part of it (of 0.01 at least, as in Spark ML's boosted trees). */
  readonly validationTol: number;
  readonly patience: number;
}

export class EarlyStopping {
  /** Weights with the least loss so far. */
  best: Float64Array | undefined;
  /** The loss after each step. */
  readonly history: number[] = [];
  readonly #lossOf: (weights: Float64Array) => Promise<number>;
  readonly #options: EarlyStoppingOptions;
  #least = Number.POSITIVE_INFINITY;
  #target = Number.POSITIVE_INFINITY;
  #unhelped = 0;

  constructor(rows: TrainingRows, options: EarlyStoppingOptions, signal: AbortSignal | undefined) {
    this.#lossOf = perceptronLoss(rows, options, signal);
    this.#options = options;
  }

  /** Takes the weights after a step; true where the search should end. */
  async isEnough(weights: Float64Array): Promise<boolean> {
    const { validationTol, patience } = this.#options;
    const loss = await this.#lossOf(weights);
    this.history.push(loss);
    if (loss < this.#least) {
      this.#least = loss;
      this.best = weights;
    }
    this.#unhelped = loss < this.#target ? 0 : this.#unhelped + 1;
    if (loss < this.#target) this.#target = loss - validationTol * Math.max(loss, 0.01);
    return this.#unhelped >= patience;
  }
}
