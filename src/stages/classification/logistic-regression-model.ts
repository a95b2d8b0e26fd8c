/** @file LogisticRegressionModel: what LogisticRegression learned. */

import type { DataFrame } from "../../data/dataframe.js";
import type { Schema } from "../../data/schema.js";
import { ParamError } from "../../errors.js";
import { Graph } from "../../graph/graph.js";
import type { ClassificationReport } from "../../nn/metrics/classification-report.js";
import { type BatchFunction, Model } from "../../pipeline/stage.js";
import type { Tensor } from "../../tensor/tensor.js";
import { Asset } from "../../util/asset.js";
import { asset, defineParams, type Input, numbers } from "../../util/params.js";
import { classificationReport, type ReportOptions } from "../evaluation/classification-report.js";
import type { FeatureType } from "../objective/block.js";
import { openPredictions, requireFeatures } from "../predictions.js";
import {
  classifierParams,
  predictedColumns,
  requireThresholds,
  thresholdParam,
  withPredictions,
} from "./classifier-params.js";
import { type Predictor, predictionGraph } from "./logistic-graphs.js";

const params = defineParams({
  ...classifierParams,
  ...thresholdParam,
  model: asset("ONNX model: features to rawPrediction, probability and prediction"),
  objectiveHistory: numbers("the objective before the first step and after each", { default: [] }),
});

/**
 * Predicts classes. Adds `rawPrediction` and `probability` (a vector of doubles, one per class) and `prediction` (a double);
 * rows whose features are null get null.
 *
 * `params.model` is an ONNX file anyone can use: input `features` [rows, features], outputs `rawPrediction`, `probability`
 * and `prediction`; the thresholds are in it.
 *
 * @throws DataError naming the row whose features have another length.
 * @example
 * const { prediction, probability } = await model.predictOne({ features: [5.1, 3.5, 1.4, 0.2] });
 */
export class LogisticRegressionModel extends Model<typeof params> {
  static readonly specs = params;
  #read: { readonly predictor: Predictor; readonly dtype: FeatureType } | undefined;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  /** A copy with some parameters changed; new thresholds go into the ONNX model too. */
  override with(values: Partial<Input<typeof params>>): this {
    const changed = super.with(values);
    if (!("threshold" in values || "thresholds" in values) || values.model !== undefined) return changed;
    const { threshold, thresholds } = changed.params;
    requireThresholds(thresholds, this.numClasses, this);
    const { predictor, dtype } = this.#learned;
    const graph = predictionGraph({ ...predictor, threshold, thresholds }, dtype);
    return super.with({ ...values, model: new Asset(graph.toBytes()) });
  }

  /** One row per class, or for two classes told apart by one margin a single row, that of class 1: [rows, numFeatures]. */
  get coefficientMatrix(): Tensor<"float64"> {
    return this.#learned.predictor.coefficients;
  }

  /** Intercepts of the rows of `coefficientMatrix`; zeros without `fitIntercept`. */
  get interceptVector(): Float64Array {
    return this.#learned.predictor.intercepts.data;
  }

  /** Coefficients of a binomial model. @throws ParamError where there is one row per class. */
  get coefficients(): Float64Array {
    this.#requireBinomial("coefficients", "coefficientMatrix");
    return this.coefficientMatrix.data;
  }

  /** Intercept of a binomial model. @throws ParamError where there is one per class. */
  get intercept(): number {
    this.#requireBinomial("intercept", "interceptVector");
    return this.interceptVector[0]!;
  }

  get numClasses(): number {
    return Math.max(2, this.coefficientMatrix.shape[0]!);
  }

  get numFeatures(): number {
    return this.coefficientMatrix.shape[1]!;
  }

  /**
   * How good it is on rows with labels, as Spark ML's `evaluate`: accuracy, precision, recall and F1 by class and their means,
   * log loss, curves. `labelCol` is "label" unless told.
   *
   * @throws SchemaError where columns do not fit; DataError where there are no rows.
   */
  evaluate(
    df: DataFrame,
    options: Omit<ReportOptions, "predictionCol" | "probabilityCol"> = {},
  ): Promise<ClassificationReport> {
    const { predictionCol, probabilityCol } = this.params;
    return classificationReport(this.transform(df), { ...options, predictionCol, probabilityCol });
  }

  /** How the fit went: the objective before the first step and after each. */
  get summary(): { readonly objectiveHistory: readonly number[]; readonly totalIterations: number } {
    const { objectiveHistory } = this.params;
    return { objectiveHistory, totalIterations: Math.max(0, objectiveHistory.length - 1) };
  }

  override get readsColumns(): readonly string[] {
    return [this.params.featuresCol];
  }

  transformSchema(schema: Schema): Schema {
    const { featuresCol } = this.params;
    requireFeatures(schema, featuresCol, this.numFeatures, this);
    return withPredictions(schema, this.params, this.numClasses, this);
  }

  async open(schema: Schema): Promise<BatchFunction> {
    const { featuresCol, model, rawPredictionCol, probabilityCol, predictionCol } = this.params;
    const { predictor, dtype: stored } = this.#learned;
    const columns = predictedColumns({ rawPredictionCol, probabilityCol, predictionCol }, this.numClasses);
    const graphFor = (type: FeatureType) => (type === stored ? model : predictionGraph(predictor, type));
    return await openPredictions(schema, { featuresCol, numFeatures: this.numFeatures, graphFor, columns }, this);
  }

  get #learned(): { readonly predictor: Predictor; readonly dtype: FeatureType } {
    if (this.#read === undefined) {
      const graph = Graph.fromBytes(this.params.model.bytes);
      const tensor = (name: string) => graph.initializers.get(name)?.tensor;
      const [coefficients, intercepts] = [tensor("coefficients"), tensor("intercepts")];
      const dtype = graph.inputs[0]?.dtype as FeatureType;
      if (coefficients?.dtype !== "float64" || intercepts?.dtype !== "float64") {
        throw new ParamError(
          this,
          "model has no float64 coefficients and intercepts; take one that LogisticRegression made",
        );
      }
      const { threshold, thresholds } = this.params;
      const weights = { coefficients, intercepts } as Pick<Predictor, "coefficients" | "intercepts">;
      this.#read = { predictor: { ...weights, threshold, thresholds }, dtype };
    }
    return this.#read;
  }

  #requireBinomial(asked: string, instead: string): void {
    if (this.coefficientMatrix.shape[0] === 1) return;
    throw new ParamError(this, `a model with a margin per class has no single ${asked}; read ${instead}`);
  }
}
