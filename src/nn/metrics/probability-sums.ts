/** @file ProbabilitySums: what predicted probabilities are worth: log loss, rank of the true class, calibration. */

import { DataError, type Who } from "../../errors.js";
import type { Numbers } from "./confusion-matrix.js";

/** Predictions of one range of confidence. */
export interface CalibrationBin {
  /** The range: above or equal `from`, below `to` (1 included in the last). */
  readonly from: number;
  readonly to: number;
  /** Weight of the rows. */
  readonly count: number;
  /** Their mean largest probability, and how often that class was right. */
  readonly confidence: number;
  readonly accuracy: number;
}

/**
 * Sums over rows of class probabilities. Mergeable.
 *
 * @example
 * const sums = new ProbabilitySums("report", 3);
 * sums.add([0, 2], [0.7, 0.2, 0.1, 0.5, 0.3, 0.2]);
 * sums.topK(2); // 0.5
 */
export class ProbabilitySums {
  readonly classes: number;
  readonly eps: number;
  /** Rows left out because label, weight or a probability was no number. */
  invalid = 0;
  rows = 0;
  weight = 0;
  #logLoss = 0;
  /** Weight of rows whose label has the i-th largest probability. */
  readonly #ranks: Float64Array;
  /** Per bin of confidence: weight, sum of confidence, weight of right ones. */
  readonly #bins: Float64Array;
  readonly #who: Who;

  /**
   * @param classes probabilities per row
   * @param eps probabilities are kept this far from 0 and 1 in the log loss
   */
  constructor(who: Who, classes: number, { eps = 1e-15, bins = 10 } = {}) {
    this.#who = who;
    this.classes = classes;
    this.eps = eps;
    this.#ranks = new Float64Array(classes);
    this.#bins = new Float64Array(3 * bins);
  }

  /**
   * Adds rows.
   *
   * @param probabilities [rows, classes]
   * @throws DataError for a label that has no probability.
   */
  add(labels: Numbers, probabilities: Numbers, weights?: Numbers): void {
    const { classes, eps } = this;
    const bins = this.#bins.length / 3;
    for (let i = 0; i < labels.length; i++) {
      const [label, weight] = [labels[i]!, weights?.[i] ?? 1];
      let [best, rank, valid] = [0, 0, !Number.isNaN(label) && Number.isFinite(weight)];
      const own = probabilities[i * classes + label]!;
      for (let k = 0; k < classes; k++) {
        const p = probabilities[i * classes + k]!;
        if (Number.isNaN(p)) valid = false;
        if (p > probabilities[i * classes + best]!) best = k;
        if (p > own || (p === own && k < label)) rank++;
      }
      if (!valid) {
        this.invalid++;
        continue;
      }
      if (!Number.isInteger(label) || label < 0 || label >= classes) {
        throw new DataError(this.#who, `label ${label} has no probability: the vectors hold ${classes} of them`);
      }
      this.rows++;
      this.weight += weight;
      this.#logLoss -= weight * Math.log(Math.max(Math.min(own, 1 - eps), eps));
      this.#ranks[rank]! += weight;
      const confidence = probabilities[i * classes + best]!;
      const bin = 3 * Math.min(bins - 1, Math.floor(confidence * bins));
      this.#bins[bin]! += weight;
      this.#bins[bin + 1]! += weight * confidence;
      if (best === label) this.#bins[bin + 2]! += weight;
    }
  }

  merge(other: ProbabilitySums): void {
    this.invalid += other.invalid;
    this.rows += other.rows;
    this.weight += other.weight;
    this.#logLoss += other.#logLoss;
    for (let i = 0; i < this.#ranks.length; i++) this.#ranks[i]! += other.#ranks[i]!;
    for (let i = 0; i < this.#bins.length; i++) this.#bins[i]! += other.#bins[i]!;
  }

  /** Mean of -log(probability of the label). */
  get logLoss(): number {
    return this.#logLoss / this.weight;
  }

  /** Part of the rows whose label is among the k most probable classes; of equal ones the first counts more. */
  topK(k: number): number {
    return this.#ranks.subarray(0, k).reduce((sum, weight) => sum + weight, 0) / this.weight;
  }

  /** Bins of the largest probability, empty ones left out. */
  get calibration(): CalibrationBin[] {
    const count = this.#bins.length / 3;
    return Array.from({ length: count }, (_, i): CalibrationBin => {
      const [weight, confidence, right] = this.#bins.subarray(3 * i, 3 * i + 3) as unknown as [number, number, number];
      const [from, to] = [i / count, (i + 1) / count];
      return { from, to, count: weight, confidence: confidence / weight, accuracy: right / weight };
    }).filter(({ count }) => count > 0);
  }
}
