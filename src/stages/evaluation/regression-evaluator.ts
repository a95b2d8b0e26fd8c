/** @file RegressionEvaluator: how far predicted numbers are off. */

import type { RecordBatch } from "apache-arrow";
import type { Schema } from "../../data/schema.js";
import { RegressionSums } from "../../nn/metrics/regression-sums.js";
import { Evaluator, type MetricSums } from "../../pipeline/evaluator.js";
import { boolean, choice, columnName, defineParams, type Input } from "../../util/params.js";
import { evaluatorParams, numbersIn, weightsIn, withMetric } from "./columns.js";

const params = defineParams({
  ...evaluatorParams,
  predictionCol: columnName("column of predicted numbers", { default: "prediction" }),
  metric: choice("what is measured", ["rmse", "mse", "r2", "mae", "var"], { default: "rmse" }),
  throughOrigin: boolean("whether r2 compares with 0 instead of the mean label, for models without an intercept", {
    default: false,
  }),
});

type Values = Input<typeof params>;

/**
 * Measures predicted numbers, with Spark ML's metrics; its parameter `metricName` is taken for `metric`. `var` is the
 * explained variance. With weights r2 is scikit-learn's: Spark ML's differs a little.
 *
 * @throws DataError for rows without a prediction, and for no rows.
 * @example
 * await new RegressionEvaluator({ labelCol: "price", metric: "mae" }).evaluate(predictions);
 */
export class RegressionEvaluator extends Evaluator<typeof params> {
  static readonly specs = params;

  constructor(values: Values & { readonly metricName?: Values["metric"] } = {}) {
    super(params, withMetric("RegressionEvaluator", values));
  }

  get isLargerBetter(): boolean {
    return this.params.metric === "r2" || this.params.metric === "var";
  }

  get readsColumns(): readonly string[] {
    const { labelCol, predictionCol, weightCol } = this.params;
    return [labelCol, predictionCol, ...(weightCol ? [weightCol] : [])];
  }

  transformSchema(schema: Schema): Schema {
    const { labelCol, predictionCol, weightCol } = this.params;
    schema.requireNumber(labelCol, this, "labelCol");
    schema.requireNumber(predictionCol, this, "predictionCol");
    if (weightCol !== undefined) schema.requireNumber(weightCol, this, "weightCol");
    return schema;
  }

  sums(): MetricSums {
    return new ErrorSums(this);
  }
}

class ErrorSums implements MetricSums {
  readonly #sums = new RegressionSums();
  readonly #evaluator: RegressionEvaluator;

  constructor(evaluator: RegressionEvaluator) {
    this.#evaluator = evaluator;
  }

  get rows(): number {
    return this.#sums.rows;
  }

  get invalid(): number {
    return this.#sums.invalid;
  }

  get weight(): number {
    return this.#sums.weight;
  }

  add(batch: RecordBatch): void {
    const { labelCol, predictionCol, weightCol } = this.#evaluator.params;
    this.#sums.add(
      numbersIn(batch, labelCol),
      numbersIn(batch, predictionCol),
      weightsIn(batch, weightCol, this.#evaluator),
    );
  }

  merge(other: this): void {
    this.#sums.merge(other.#sums);
  }

  value(): number {
    const { metric, throughOrigin } = this.#evaluator.params;
    if (metric === "r2") return this.#sums.r2(throughOrigin);
    return metric === "var" ? this.#sums.explainedVariance : this.#sums[metric];
  }
}
