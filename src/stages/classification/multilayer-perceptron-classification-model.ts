/** @file MultilayerPerceptronClassificationModel: what MultilayerPerceptronClassifier learned. */

import type { DataFrame } from "../../data/dataframe.js";
import type { Schema } from "../../data/schema.js";
import { ParamError } from "../../errors.js";
import { Graph } from "../../graph/graph.js";
import type { ClassificationReport } from "../../nn/metrics/classification-report.js";
import { type BatchFunction, Model } from "../../pipeline/stage.js";
import { Asset } from "../../util/asset.js";
import { asset, choice, defineParams, type Input, numbers, text } from "../../util/params.js";
import { classificationReport, type ReportOptions } from "../evaluation/classification-report.js";
import type { FeatureType } from "../objective/block.js";
import { openPredictions, requireFeatures } from "../predictions.js";
import { classifierParams, predictedColumns, requireThresholds, withPredictions } from "./classifier-params.js";
import { layersParam } from "./layers-param.js";
import { activations, layerShapes, predictionGraph, weightCount } from "./perceptron-graphs.js";

const params = defineParams({
  ...classifierParams,
  layers: layersParam,
  activation: choice("activation of the hidden layers", activations, { default: "sigmoid" }),
  model: asset("ONNX model: features to rawPrediction, probability and prediction"),
  objectiveHistory: numbers("the objective before the first step and after each", { default: [] }),
  validationHistory: numbers("the loss of the validation rows after each step", { default: [] }),
  stopReason: text("why the search ended", { default: "" }),
});

/** How a fit went. */
export interface PerceptronSummary {
  /** Mean loss with the penalty: before the first step and after each. */
  readonly objectiveHistory: readonly number[];
  /** Mean loss of the validation rows after each step; empty where there were none. */
  readonly validationHistory: readonly number[];
  readonly totalIterations: number;
  /** `gradient` or `value`: the loss has settled; `maxIter`; `stopped`: by the validation rows; `lineSearch`: no step lowers it; `aborted`. */
  readonly stopReason: string;
}

/**
 * Predicts classes. Adds `rawPrediction` (the last layer's sums) and `probability` (a vector of doubles, one per class) and
 * `prediction` (a double); rows whose features are null get null.
 *
 * `params.model` is an ONNX file anyone can use: input `features` [rows, layers[0]], outputs `rawPrediction`, `probability` and
 * `prediction`; the thresholds are in it.
 *
 * @throws DataError naming the row whose features have another length.
 * @example
 * const { prediction, probability } = await model.predictOne({ features: [0, 1] });
 */
export class MultilayerPerceptronClassificationModel extends Model<typeof params> {
  static readonly specs = params;
  #graph: Graph | undefined;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  /**
   * A model of given weights, such as those of a model of Spark MLlib.
   *
   * @param weights flat, in the layout of {@link weights}
   * @throws ParamError where they are not as many as the layers have.
   * @example MultilayerPerceptronClassificationModel.of({ layers: [2, 5, 2] }, sparkModel.weights)
   */
  static of(
    values: Omit<Input<typeof params>, "model">,
    weights: ArrayLike<number>,
    dtype: FeatureType = "float64",
  ): MultilayerPerceptronClassificationModel {
    const { layers, activation = "sigmoid", thresholds } = values;
    const name = "MultilayerPerceptronClassificationModel";
    requireWeights(layers, weights.length, "weights", name);
    const network = { layers, activation };
    const model = (given?: readonly number[]) =>
      new Asset(predictionGraph(network, Float64Array.from(weights), given, dtype).toBytes());
    const made = new MultilayerPerceptronClassificationModel({ ...values, model: model(thresholds) });
    requireThresholds(thresholds, made.numClasses, name);
    return made;
  }

  /** A copy with some parameters changed; new thresholds go into the ONNX model too. */
  override with(values: Partial<Input<typeof params>>): this {
    const changed = super.with(values);
    if (!("thresholds" in values) || values.model !== undefined) return changed;
    const { layers, activation, thresholds } = changed.params;
    requireThresholds(thresholds, this.numClasses, this);
    const graph = predictionGraph({ layers, activation }, this.weights, thresholds, this.#dtype);
    return super.with({ ...values, model: new Asset(graph.toBytes()) });
  }

  /**
   * All weights in Spark MLlib's layout: layer after layer, each the matrix [outputs, inputs] column by column, then the
   * bias. They can be another fit's `initialWeights`, here and there.
   */
  get weights(): Float64Array {
    const { layers } = this.params;
    const all = new Float64Array(weightCount(layers));
    let at = 0;
    const names = layerShapes(layers).flatMap((_, i) => [`W${i + 1}`, `b${i + 1}`]);
    for (const name of names) {
      const tensor = this.#network.initializers.get(name)?.tensor;
      if (tensor?.dtype !== "float64") {
        throw new ParamError(this, `model has no float64 ${name}; take one that MultilayerPerceptronClassifier made`);
      }
      all.set(tensor.data as Float64Array, at);
      at += tensor.size;
    }
    return all;
  }

  get numClasses(): number {
    return this.params.layers.at(-1)!;
  }

  get numFeatures(): number {
    return this.params.layers[0]!;
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

  get summary(): PerceptronSummary {
    const { objectiveHistory, validationHistory, stopReason } = this.params;
    const totalIterations = Math.max(0, objectiveHistory.length - 1);
    return { objectiveHistory, validationHistory, totalIterations, stopReason };
  }

  override get readsColumns(): readonly string[] {
    return [this.params.featuresCol];
  }

  transformSchema(schema: Schema): Schema {
    requireFeatures(schema, this.params.featuresCol, this.numFeatures, this);
    return withPredictions(schema, this.params, this.numClasses, this);
  }

  async open(schema: Schema): Promise<BatchFunction> {
    const { featuresCol, model, layers, activation, thresholds } = this.params;
    const columns = predictedColumns(this.params, this.numClasses);
    const graphFor = (type: FeatureType) =>
      type === this.#dtype ? model : predictionGraph({ layers, activation }, this.weights, thresholds, type);
    return await openPredictions(schema, { featuresCol, numFeatures: this.numFeatures, graphFor, columns }, this);
  }

  get #network(): Graph {
    this.#graph ??= Graph.fromBytes(this.params.model.bytes);
    return this.#graph;
  }

  get #dtype(): FeatureType {
    return this.#network.inputs[0]?.dtype === "float32" ? "float32" : "float64";
  }
}

export function requireWeights(layers: readonly number[], found: number, param: string, who: string): void {
  const count = weightCount(layers);
  if (found === count) return;
  const expected = `${count} numbers, as layers ${layers.join("-")} have`;
  throw new ParamError(who, `${param} must hold ${expected}, got ${found}`, { param });
}
