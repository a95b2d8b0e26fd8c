/** @file NeuralRegressionModel: what NeuralRegressor learned. */

import type { Schema } from "../../data/schema.js";
import { type BatchFunction, Model, type StageContext } from "../../pipeline/stage.js";
import type { Logs } from "../../train/callback.js";
import { defineParams, type Input } from "../../util/params.js";
import { type TrainedColumn, trainedParams, trainedRunner } from "../neural/trained.js";
import type { ColumnRunner } from "../onnx/column-runner.js";

const params = defineParams(trainedParams);

/** The columns a regressor adds and the model's tensors they hold. */
export function predictedColumns(outputs: readonly string[], predictionCol: string): TrainedColumn[] {
  return outputs.map((output) => {
    const prefix = outputs.length > 1 ? `${output}_` : "";
    return { column: `${prefix}${predictionCol}`, tensor: `${prefix}prediction` };
  });
}

/**
 * Predicts numbers. Adds `prediction`: a double where the network gives one number per row, else a tensor of floats;
 * `<output>_prediction` where the network has several outputs.
 *
 * `params.model` is an ONNX file anyone can use.
 *
 * @throws DataError naming the row that cannot be fed, unless `onError` is "null".
 * @example
 * const { prediction } = await model.predictOne({ features: [3, 120, 0.5] });
 */
export class NeuralRegressionModel extends Model<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  /** Losses and metrics of each epoch: `{ loss, val_loss, lr }`. */
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
    return trainedRunner(this.params, predictedColumns(this.params.outputs, this.params.predictionCol), this);
  }
}
