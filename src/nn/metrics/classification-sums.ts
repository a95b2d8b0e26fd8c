/** @file ClassificationSums: everything a classification report needs, gathered in one pass. */

import type { Who } from "../../errors.js";
import { BinaryScores } from "./binary-scores.js";
import { ConfusionMatrix, type Numbers } from "./confusion-matrix.js";
import { ProbabilitySums } from "./probability-sums.js";

/** Rows with what was predicted for them. */
export interface PredictedRows {
  readonly labels: Numbers;
  readonly predictions: Numbers;
  /** [rows, classes] */
  readonly probabilities?: Numbers | undefined;
  readonly weights?: Numbers | undefined;
}

export interface SumsOptions {
  /** Bins of confidence for the calibration. Default 10. */
  readonly bins?: number;
  /** Whether ROC and precision-recall curves are wanted. Default: up to 100 classes. */
  readonly curves?: boolean | undefined;
}

/** Distinct scores kept per class: areas are exact to about 1e-4 beyond that. */
const scoresPerClass = 2 ** 14;

/** Mergeable sums over predicted rows. Feed `classes` probabilities per row, or 0 for none. */
export class ClassificationSums {
  readonly confusion = new ConfusionMatrix();
  readonly probabilities: ProbabilitySums | undefined;
  /** One per class: its probability against all other classes. */
  readonly scores: readonly BinaryScores[];

  constructor(who: Who, classes: number, { bins = 10, curves = classes <= 100 }: SumsOptions = {}) {
    this.probabilities = classes > 0 ? new ProbabilitySums(who, classes, { bins }) : undefined;
    this.scores = Array.from({ length: curves ? classes : 0 }, () => new BinaryScores({ limit: scoresPerClass }));
  }

  add({ labels, predictions, probabilities, weights }: PredictedRows): void {
    this.confusion.add(labels, predictions, weights);
    if (this.probabilities === undefined || probabilities === undefined) return;
    this.probabilities.add(labels, probabilities, weights);
    const { classes } = this.probabilities;
    for (const [k, scores] of this.scores.entries()) {
      scores.add(
        Float64Array.from(labels, (label) => (Number.isNaN(label) ? label : Number(label === k))),
        Float64Array.from({ length: labels.length }, (_, i) => probabilities[i * classes + k]!),
        weights,
      );
    }
  }

  merge(other: ClassificationSums): void {
    this.confusion.merge(other.confusion);
    if (other.probabilities !== undefined) this.probabilities?.merge(other.probabilities);
    for (const [k, scores] of this.scores.entries()) scores.merge(other.scores[k]!);
  }
}
