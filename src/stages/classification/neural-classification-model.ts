/** @file NeuralClassificationModel: what NeuralClassifier learned. */

import { defineParams, type Input, strings, text } from "../../util/params.js";
import { prefixOf, type TrainedColumn, TrainedModel, trainedParams } from "../neural/trained.js";

const params = defineParams({
  ...trainedParams,
  numbers: strings("those of the network's outputs that are numbers, not classes", { default: [] }),
  probabilityCol: text("column to add: the probability of each class; empty for none", { default: "probability" }),
  rawPredictionCol: text("column to add: the network's own result for each class; empty for none", {
    default: "rawPrediction",
  }),
});

/** The columns a classifier adds and the model's tensors they hold. */
export function outputColumns(
  outputs: readonly string[],
  columns: {
    readonly predictionCol: string;
    readonly probabilityCol: string;
    readonly rawPredictionCol: string;
    readonly numbers: readonly string[];
  },
): TrainedColumn[] {
  const { rawPredictionCol: rawPrediction, probabilityCol: probability, predictionCol: prediction } = columns;
  return outputs.flatMap((output) =>
    Object.entries({ rawPrediction, probability, prediction }).flatMap(([tensor, column]) => {
      const prefix = prefixOf(output, outputs.length);
      return column === "" || (tensor !== "prediction" && columns.numbers.includes(output))
        ? []
        : [{ column: `${prefix}${column}`, tensor: `${prefix}${tensor}` }];
    }),
  );
}

/**
 * Predicts classes. Adds `rawPrediction` and `probability` (a vector of floats, one per class) and `prediction` (a double).
 *
 * `params.model` is an ONNX file anyone can use: the network's inputs, outputs `rawPrediction`, `probability` and
 * `prediction`, each after `<output>_` where the network has several. Outputs of numbers have a prediction only.
 *
 * @throws DataError naming the row that cannot be fed, unless `onError` is "null".
 * @example
 * const { prediction, probability } = await model.predictOne({ features: pixels });
 */
export class NeuralClassificationModel extends TrainedModel<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  protected get columns(): readonly TrainedColumn[] {
    return outputColumns(this.params.outputs, this.params);
  }
}
