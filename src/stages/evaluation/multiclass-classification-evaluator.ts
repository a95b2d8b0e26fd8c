/** @file MulticlassClassificationEvaluator: accuracy, F1 and the like of predicted classes. */

import type { RecordBatch } from "apache-arrow";
import type { Schema } from "../../data/schema.js";
import { DataError, listNames } from "../../errors.js";
import { ConfusionMatrix } from "../../nn/metrics/confusion-matrix.js";
import { ProbabilitySums } from "../../nn/metrics/probability-sums.js";
import { Evaluator, type MetricSums } from "../../pipeline/evaluator.js";
import { choice, columnName, defineParams, type Input, number } from "../../util/params.js";
import { evaluatorParams, numbersIn, vectorsIn, weightsIn, withMetric } from "./columns.js";

const params = defineParams({
  ...evaluatorParams,
  predictionCol: columnName("column of predicted classes", { default: "prediction" }),
  probabilityCol: columnName("vector column of class probabilities, for logLoss", { default: "probability" }),
  metric: choice(
    "what is measured",
    [
      "f1",
      "accuracy",
      "weightedPrecision",
      "weightedRecall",
      "weightedTruePositiveRate",
      "weightedFalsePositiveRate",
      "weightedFMeasure",
      "truePositiveRateByLabel",
      "falsePositiveRateByLabel",
      "precisionByLabel",
      "recallByLabel",
      "fMeasureByLabel",
      "logLoss",
      "hammingLoss",
    ],
    { default: "f1" },
  ),
  metricLabel: number("the class that the metrics by label are of", { default: 0, min: 0 }),
  beta: number("how much more recall counts than precision in F-measures", { default: 1, above: 0 }),
  eps: number("probabilities are kept this far from 0 and 1 in logLoss", { default: 1e-15, above: 0, max: 0.5 }),
});

type Values = Input<typeof params>;
type Metric = NonNullable<Values["metric"]>;

const smallerIsBetter: readonly Metric[] = [
  "weightedFalsePositiveRate",
  "falsePositiveRateByLabel",
  "logLoss",
  "hammingLoss",
];

/**
 * Measures predicted classes, with Spark ML's metrics; its parameter `metricName` is taken for `metric`. Rates whose
 * denominator is 0 are 0.
 *
 * @throws DataError for rows without a prediction, for a `metricLabel` that is not in the data, for no rows.
 * @example
 * await new MulticlassClassificationEvaluator({ labelCol: "labelIndex", metric: "accuracy" }).evaluate(predictions);
 */
export class MulticlassClassificationEvaluator extends Evaluator<typeof params> {
  static readonly specs = params;

  constructor(values: Values & { readonly metricName?: Values["metric"] } = {}) {
    super(params, withMetric("MulticlassClassificationEvaluator", values));
  }

  get isLargerBetter(): boolean {
    return !smallerIsBetter.includes(this.params.metric);
  }

  get readsColumns(): readonly string[] {
    const { labelCol, predictionCol, probabilityCol, weightCol, metric } = this.params;
    return [labelCol, metric === "logLoss" ? probabilityCol : predictionCol, ...(weightCol ? [weightCol] : [])];
  }

  transformSchema(schema: Schema): Schema {
    const { labelCol, predictionCol, probabilityCol, weightCol, metric } = this.params;
    schema.requireNumber(labelCol, this, "labelCol");
    if (metric === "logLoss") schema.requireVector(probabilityCol, this, "probabilityCol");
    else schema.requireNumber(predictionCol, this, "predictionCol");
    if (weightCol !== undefined) schema.requireNumber(weightCol, this, "weightCol");
    return schema;
  }

  sums(): MetricSums {
    return this.params.metric === "logLoss" ? new LogLossSums(this) : new ClassSums(this);
  }
}

class ClassSums implements MetricSums {
  readonly #matrix = new ConfusionMatrix();
  readonly #evaluator: MulticlassClassificationEvaluator;

  constructor(evaluator: MulticlassClassificationEvaluator) {
    this.#evaluator = evaluator;
  }

  get rows(): number {
    return this.#matrix.rows;
  }

  get invalid(): number {
    return this.#matrix.invalid;
  }

  get weight(): number {
    return this.#matrix.total;
  }

  add(batch: RecordBatch): void {
    const { labelCol, predictionCol, weightCol } = this.#evaluator.params;
    this.#matrix.add(
      numbersIn(batch, labelCol),
      numbersIn(batch, predictionCol),
      weightsIn(batch, weightCol, this.#evaluator),
    );
  }

  merge(other: this): void {
    this.#matrix.merge(other.#matrix);
  }

  value(): number {
    const { metric, metricLabel, beta } = this.#evaluator.params;
    const matrix = this.#matrix;
    if (metric.endsWith("ByLabel") && !matrix.labels.includes(metricLabel)) {
      const labels = listNames(matrix.labels.map(String));
      throw new DataError(this.#evaluator, `no row has label ${metricLabel} (there are ${labels}); set metricLabel`);
    }
    const metrics: Readonly<Record<Exclude<Metric, "logLoss">, () => number>> = {
      f1: () => matrix.weighted((label) => matrix.fMeasure(label)),
      accuracy: () => matrix.accuracy,
      weightedPrecision: () => matrix.weighted((label) => matrix.precision(label)),
      weightedRecall: () => matrix.weighted((label) => matrix.recall(label)),
      weightedTruePositiveRate: () => matrix.weighted((label) => matrix.recall(label)),
      weightedFalsePositiveRate: () => matrix.weighted((label) => matrix.falsePositiveRate(label)),
      weightedFMeasure: () => matrix.weighted((label) => matrix.fMeasure(label, beta)),
      truePositiveRateByLabel: () => matrix.recall(metricLabel),
      falsePositiveRateByLabel: () => matrix.falsePositiveRate(metricLabel),
      precisionByLabel: () => matrix.precision(metricLabel),
      recallByLabel: () => matrix.recall(metricLabel),
      fMeasureByLabel: () => matrix.fMeasure(metricLabel, beta),
      hammingLoss: () => 1 - matrix.accuracy,
    };
    return metrics[metric as Exclude<Metric, "logLoss">]();
  }
}

class LogLossSums implements MetricSums {
  #sums: ProbabilitySums | undefined;
  #missing = 0;
  readonly #evaluator: MulticlassClassificationEvaluator;

  constructor(evaluator: MulticlassClassificationEvaluator) {
    this.#evaluator = evaluator;
  }

  get rows(): number {
    return this.#sums?.rows ?? 0;
  }

  get invalid(): number {
    return this.#missing + (this.#sums?.invalid ?? 0);
  }

  get weight(): number {
    return this.#sums?.weight ?? 0;
  }

  add(batch: RecordBatch): void {
    const { labelCol, probabilityCol, weightCol, eps } = this.#evaluator.params;
    const found = vectorsIn(batch, probabilityCol, this.#evaluator.name, this.#sums?.classes, this.rows + this.invalid);
    this.#missing += found.missing;
    if (found.batch.numRows === 0) return;
    this.#sums ??= new ProbabilitySums(this.#evaluator, found.width, { eps });
    this.#sums.add(numbersIn(found.batch, labelCol), found.values, weightsIn(found.batch, weightCol, this.#evaluator));
  }

  merge(other: this): void {
    this.#missing += other.#missing;
    if (other.#sums === undefined) return;
    const { classes } = other.#sums;
    this.#sums ??= new ProbabilitySums(this.#evaluator, classes, { eps: this.#evaluator.params.eps });
    this.#sums.merge(other.#sums);
  }

  value(): number {
    return this.#sums?.logLoss ?? Number.NaN;
  }
}
