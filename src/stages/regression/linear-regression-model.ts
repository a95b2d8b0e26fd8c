/** @file LinearRegressionModel: what LinearRegression learned. */

import type { Schema } from "../../data/schema.js";
import { ParamError } from "../../errors.js";
import { Graph } from "../../graph/graph.js";
import { type BatchFunction, Model } from "../../pipeline/stage.js";
import { asset, columnName, defineParams, encodeNumber, type Input, json, number } from "../../util/params.js";
import { openPredictions, requireFeatures } from "../predictions.js";
import { predictionGraph } from "./linear-graphs.js";
import type { LinearSummary } from "./linear-summary.js";

/** How the fit went; of the rows it was given. */
export interface LinearTrainingSummary extends LinearSummary {
  /** The objective before the first step and after each; of the normal equations without L1, at the solution. */
  readonly objectiveHistory: readonly number[];
}

const params = defineParams({
  featuresCol: columnName("vector column of features", { default: "features" }),
  predictionCol: columnName("column to add: the prediction, a double", { default: "prediction" }),
  model: asset("ONNX model: features to prediction"),
  scale: number("of huber: the size of an ordinary residual", { default: 1, above: 0 }),
  trainingSummary: {
    ...json<LinearTrainingSummary>(
      "how the fit went",
      "an object",
      (value) => typeof value === "object" && value !== null,
    ),
    // r2 of labels that are all equal is not finite
    encode: (summary: LinearTrainingSummary) =>
      Object.fromEntries(
        Object.entries(summary).map(([name, value]) => [name, typeof value === "number" ? encodeNumber(value) : value]),
      ),
    decode: (stored: unknown) =>
      Object.fromEntries(
        Object.entries(stored as object).map(([name, value]) => [
          name,
          typeof value === "string" ? Number(value) : value,
        ]),
      ) as unknown as LinearTrainingSummary,
  },
});

/**
 * Predicts numbers. Adds `prediction` (a double); rows whose features are null get null.
 *
 * `params.model` is an ONNX file anyone can use: input `features` [rows, features], output `prediction` [rows].
 *
 * @throws DataError naming the row whose features have another length.
 * @example
 * const { prediction } = await model.predictOne({ features: [120, 3, 1] });
 */
export class LinearRegressionModel extends Model<typeof params> {
  static readonly specs = params;
  #graph: Graph | undefined;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  get coefficients(): Float64Array {
    return this.#weights("coefficients");
  }

  /** 0 without `fitIntercept`. */
  get intercept(): number {
    return this.#weights("intercepts")[0]!;
  }

  /** Of huber: the size of an ordinary residual; 1 otherwise. */
  get scale(): number {
    return this.params.scale;
  }

  get numFeatures(): number {
    return this.coefficients.length;
  }

  get summary(): LinearTrainingSummary & { readonly totalIterations: number } {
    const { trainingSummary } = this.params;
    return { ...trainingSummary, totalIterations: Math.max(0, trainingSummary.objectiveHistory.length - 1) };
  }

  override get readsColumns(): readonly string[] {
    return [this.params.featuresCol];
  }

  transformSchema(schema: Schema): Schema {
    const { featuresCol, predictionCol } = this.params;
    requireFeatures(schema, featuresCol, this.numFeatures, this);
    return schema.with(predictionCol, "double", this, "predictionCol");
  }

  async open(schema: Schema): Promise<BatchFunction> {
    const { featuresCol, predictionCol, model } = this.params;
    const stored = this.#network.inputs[0]?.dtype;
    const predictions = {
      featuresCol,
      numFeatures: this.numFeatures,
      graphFor: (type: "float32" | "float64") =>
        type === stored ? model : predictionGraph(this.coefficients, this.intercept, type),
      columns: [{ column: predictionCol, output: "prediction" }],
    };
    return await openPredictions(schema, predictions, this);
  }

  get #network(): Graph {
    this.#graph ??= Graph.fromBytes(this.params.model.bytes);
    return this.#graph;
  }

  #weights(name: string): Float64Array {
    const tensor = this.#network.initializers.get(name)?.tensor;
    if (tensor?.dtype === "float64") return tensor.data as Float64Array;
    throw new ParamError(this, `model has no float64 ${name}; take one that LinearRegression made`);
  }
}
