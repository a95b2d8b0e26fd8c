/** @file NeuralClassificationModel: what NeuralClassifier learned. */

import type { Schema } from "../../data/schema.js";
import { type BatchFunction, Model, type StageContext } from "../../pipeline/stage.js";
import type { Logs } from "../../train/callback.js";
import { defineParams, type Input, text } from "../../util/params.js";
import { trainedParams, trainedRunner } from "../neural/trained.js";
import type { ColumnRunner } from "../onnx/column-runner.js";

const params = defineParams({
  ...trainedParams,
  probabilityCol: text("column to add: the probability of each class; empty for none", { default: "probability" }),
  rawPredictionCol: text("column to add: the network's own result for each class; empty for none", {
    default: "rawPrediction",
  }),
});

/** The columns a classifier adds and the model's tensors they hold. */
export function outputColumns(
  outputs: readonly string[],
  columns: { readonly predictionCol: string; readonly probabilityCol: string; readonly rawPredictionCol: string },
): { readonly column: string; readonly tensor: string }[] {
  const { rawPredictionCol: rawPrediction, probabilityCol: probability, predictionCol: prediction } = columns;
  return outputs.flatMap((output) =>
    Object.entries({ rawPrediction, probability, prediction }).flatMap(([tensor, column]) => {
      const prefix = outputs.length > 1 ? `${output}_` : "";
      return column === "" ? [] : [{ column: `${prefix}${column}`, tensor: `${prefix}${tensor}` }];
    }),
  );
}

/**
 * Predicts classes. Adds `rawPrediction` and `probability` (a vector of floats, one per class) and `prediction` (a double).
 *
 * `params.model` is an ONNX file anyone can use: the network's inputs, outputs `rawPrediction`, `probability` and
 * `prediction`, each after `<output>_` where the network has several.
 *
 * @throws DataError naming the row that cannot be fed, unless `onError` is "null".
 * @example
 * const { prediction, probability } = await model.predictOne({ features: pixels });
 */
export class NeuralClassificationModel extends Model<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  /** Losses and metrics of each epoch: `{ loss, accuracy, val_loss, val_accuracy, lr }`. */
  get history(): readonly Logs[] {
    return this.params.history;
  }

  override get readsColumns(): readonly string[] {
    return this.#runner.readsColumns;
  }

  transformSchema(schema: Schema): Schema {
    return this.#runner.after(schema);
  }

  open(schema: Schema, context: StageContext): Promise<BatchFunction> {
    return this.#runner.open(schema, context);
  }

  get #runner(): ColumnRunner {
    return trainedRunner(this.params, outputColumns(this.params.outputs, this.params), this);
  }
}
