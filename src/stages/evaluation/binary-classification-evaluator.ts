/** @file BinaryClassificationEvaluator: area under the ROC or the precision-recall curve. */

import type { RecordBatch } from "apache-arrow";
import type { Schema } from "../../data/schema.js";
import { isVector } from "../../data/types.js";
import { DataError } from "../../errors.js";
import { BinaryScores } from "../../nn/metrics/binary-scores.js";
import { Evaluator, type MetricSums } from "../../pipeline/evaluator.js";
import { choice, columnName, defineParams, type Input, integer } from "../../util/params.js";
import { evaluatorParams, numbersIn, vectorsIn, weightsIn, withMetric } from "./columns.js";

const params = defineParams({
  ...evaluatorParams,
  rawPredictionCol: columnName("score of class 1: a number, or a vector of two numbers whose second it is", {
    default: "rawPrediction",
  }),
  metric: choice("the area that is measured", ["areaUnderROC", "areaUnderPR"], { default: "areaUnderROC" }),
  numBins: integer("points of the curve, about; 0 for one per distinct score", { default: 1000, min: 0 }),
});

type Values = Input<typeof params>;

/**
 * Measures how well scores tell two classes apart, as Spark ML does; its parameter `metricName` is taken for `metric`.
 * Labels above 0.5 are positive. Areas are by trapezoids.
 *
 * Scores are sorted as they come. With `numBins` 0 every distinct score is kept (24 bytes each) and the area is exact;
 * otherwise at most 524,288 are, past which neighbours are put together that hold at most 1 in 262,144 rows, and the curve has
 * about `numBins` points where there are at least twice as many scores.
 *
 * @throws DataError for rows without a score, and where one of the two classes is missing.
 * @example
 * await new BinaryClassificationEvaluator({ labelCol: "survived", metric: "areaUnderPR" }).evaluate(predictions);
 */
export class BinaryClassificationEvaluator extends Evaluator<typeof params> {
  static readonly specs = params;

  constructor(values: Values & { readonly metricName?: Values["metric"] } = {}) {
    super(params, withMetric("BinaryClassificationEvaluator", values));
  }

  get isLargerBetter(): boolean {
    return true;
  }

  get readsColumns(): readonly string[] {
    const { labelCol, rawPredictionCol, weightCol } = this.params;
    return [labelCol, rawPredictionCol, ...(weightCol ? [weightCol] : [])];
  }

  transformSchema(schema: Schema): Schema {
    const { labelCol, rawPredictionCol, weightCol } = this.params;
    schema.requireNumber(labelCol, this, "labelCol");
    if (!isVector(schema.require(rawPredictionCol, this, "rawPredictionCol"))) {
      schema.requireNumber(rawPredictionCol, this, "rawPredictionCol");
    }
    if (weightCol !== undefined) schema.requireNumber(weightCol, this, "weightCol");
    return schema;
  }

  sums(): MetricSums {
    return new AreaSums(this);
  }
}

class AreaSums implements MetricSums {
  readonly #scores: BinaryScores;
  readonly #evaluator: BinaryClassificationEvaluator;
  #missing = 0;

  constructor(evaluator: BinaryClassificationEvaluator) {
    this.#evaluator = evaluator;
    this.#scores = new BinaryScores(evaluator.params.numBins === 0 ? { limit: Number.POSITIVE_INFINITY } : {});
  }

  get rows(): number {
    return this.#scores.rows;
  }

  get invalid(): number {
    return this.#missing + this.#scores.invalid;
  }

  get weight(): number {
    return this.#scores.positives + this.#scores.negatives;
  }

  add(batch: RecordBatch): void {
    const { labelCol, rawPredictionCol, weightCol } = this.#evaluator.params;
    const field = batch.schema.fields.find(({ name }) => name === rawPredictionCol);
    if ((field?.type.children ?? []).length === 0) {
      const scores = numbersIn(batch, rawPredictionCol);
      this.#scores.add(numbersIn(batch, labelCol), scores, weightsIn(batch, weightCol, this.#evaluator));
      return;
    }
    const {
      batch: rows,
      values,
      missing,
    } = vectorsIn(batch, rawPredictionCol, this.#evaluator.name, 2, this.rows + this.invalid);
    this.#missing += missing;
    const scores = Float64Array.from({ length: rows.numRows }, (_, i) => values[2 * i + 1]!);
    this.#scores.add(numbersIn(rows, labelCol), scores, weightsIn(rows, weightCol, this.#evaluator));
  }

  merge(other: this): void {
    this.#missing += other.#missing;
    this.#scores.merge(other.#scores);
  }

  value(): number {
    const { metric, numBins, labelCol } = this.#evaluator.params;
    const { positives, negatives } = this.#scores;
    if (positives === 0 || negatives === 0) {
      const side = positives === 0 ? "negative" : "positive";
      const message = `all rows are ${side} by column "${labelCol}"; ${metric} needs both classes`;
      throw new DataError(this.#evaluator, message, { code: "ONE_CLASS" });
    }
    return metric === "areaUnderROC"
      ? this.#scores.areaUnderRoc(numBins)
      : this.#scores.areaUnderPrecisionRecall(numBins);
  }
}
