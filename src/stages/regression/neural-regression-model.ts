/** @file NeuralRegressionModel: what NeuralRegressor learned. */

import { defineParams, type Input } from "../../util/params.js";
import { prefixOf, type TrainedColumn, TrainedModel, trainedParams } from "../neural/trained.js";

const params = defineParams(trainedParams);

/** The columns a regressor adds and the model's tensors they hold. */
export function predictedColumns(outputs: readonly string[], predictionCol: string): TrainedColumn[] {
  return outputs.map((output) => {
    const prefix = prefixOf(output, outputs.length);
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
export class NeuralRegressionModel extends TrainedModel<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  protected get columns(): readonly TrainedColumn[] {
    return predictedColumns(this.params.outputs, this.params.predictionCol);
  }
}
