/** @file ClassificationReport: how good a classifier is, class by class; as text for a terminal and as JSON. */

import type { PrecisionRecallPoint, RocPoint } from "./binary-scores.js";
import type { ClassificationSums } from "./classification-sums.js";
import type { CalibrationBin } from "./probability-sums.js";
import { formatReport } from "./report-text.js";

/** Rates of one class, or a mean of them. */
export interface ClassRates {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Weight of the rows with this label. */
  readonly support: number;
}

export interface ClassReport extends ClassRates {
  readonly label: number;
  readonly name: string;
  /** Area under the ROC curve of this class against the rest; undefined without probabilities or where one side is empty. */
  readonly areaUnderRoc: number | undefined;
  readonly averagePrecision: number | undefined;
}

/**
 * A classifier's quality. Rates whose denominator is 0 are 0; means are over every class that occurs.
 *
 * @example
 * const report = await classificationReport(model.transform(test), { labelCol: "labelIndex" });
 * console.log(String(report));
 */
export class ClassificationReport {
  /** Weight of the rows. */
  readonly total: number;
  readonly accuracy: number;
  readonly classes: readonly ClassReport[];
  /** Weights by label (row) and prediction (column), in the order of `classes`. */
  readonly confusion: readonly (readonly number[])[];
  /** Means with all classes as heavy as each other; over all rows; and with classes as heavy as their rows. */
  readonly macro: ClassRates;
  readonly micro: ClassRates;
  readonly weighted: ClassRates;
  /** Mean of -log(probability of the label), where there are probabilities. */
  readonly logLoss: number | undefined;
  /** Bins of confidence. */
  readonly calibration: readonly CalibrationBin[];
  readonly #sums: ClassificationSums;

  /** @param names of the classes, by label */
  constructor(sums: ClassificationSums, names: readonly string[] = []) {
    const { confusion, probabilities, scores } = sums;
    this.#sums = sums;
    this.total = confusion.total;
    this.accuracy = confusion.accuracy;
    const all = new Set(confusion.classes);
    for (let label = 0; label < (probabilities?.classes ?? 0); label++) all.add(label);
    const labels = [...all].sort((a, b) => a - b);
    const ratesOf = (label: number): ClassRates => ({
      precision: confusion.precision(label),
      recall: confusion.recall(label),
      f1: confusion.fMeasure(label),
      support: confusion.support(label),
    });
    this.classes = labels.map((label) => {
      const own = scores[label];
      const both = own !== undefined && own.positives > 0 && own.negatives > 0;
      return {
        label,
        name: names[label] ?? String(label),
        ...ratesOf(label),
        areaUnderRoc: both ? own.areaUnderRoc() : undefined,
        averagePrecision: both ? own.averagePrecision() : undefined,
      };
    });
    this.confusion = labels.map((label) => labels.map((prediction) => confusion.count(label, prediction)));
    const { accuracy, total: support } = this;
    const mean = (average: (rate: (label: number) => number) => number): ClassRates => ({
      precision: average((label) => confusion.precision(label)),
      recall: average((label) => confusion.recall(label)),
      f1: average((label) => confusion.fMeasure(label)),
      support,
    });
    this.macro = mean((rate) => confusion.macro(rate));
    this.micro = { precision: accuracy, recall: accuracy, f1: accuracy, support };
    this.weighted = mean((rate) => confusion.weighted(rate));
    this.logLoss = probabilities?.logLoss;
    this.calibration = probabilities?.calibration ?? [];
  }

  /** Part of the rows whose label is among the k most probable classes; undefined without probabilities. */
  topK(k: number): number | undefined {
    return this.#sums.probabilities?.topK(k);
  }

  /** ROC curve of a class against the rest; empty without probabilities. */
  roc(label: number): RocPoint[] {
    return this.#sums.scores[label]?.roc() ?? [];
  }

  /** Precision-recall curve of a class against the rest; empty without probabilities. */
  precisionRecall(label: number): PrecisionRecallPoint[] {
    return this.#sums.scores[label]?.precisionRecall() ?? [];
  }

  /** Everything but the curves. */
  toJSON(): object {
    const { total, accuracy, classes, macro, micro, weighted, confusion, logLoss, calibration } = this;
    const most = this.#sums.probabilities?.classes ?? 0;
    const topK = [1, 2, 3, 5, 10].filter((k) => k < most).map((k) => ({ k, accuracy: this.topK(k) }));
    return { total, accuracy, classes, macro, micro, weighted, confusion, logLoss, topK, calibration };
  }

  /** The rates of each class and their means, then the confusion matrix, as tables. */
  toString(): string {
    return formatReport(this);
  }
}
