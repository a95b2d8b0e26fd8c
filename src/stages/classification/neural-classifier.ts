/** @file NeuralClassifier: classes from anything a network takes. */

import type { DataFrame } from "../../data/dataframe.js";
import type { Schema } from "../../data/schema.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import type { Loss } from "../../nn/losses/loss.js";
import { networkOf } from "../../nn/network.js";
import { schemaOf } from "../../pipeline/schema-of.js";
import { Estimator, type FitOptions } from "../../pipeline/stage.js";
import { activate } from "../../train/forward.js";
import { defineParams, type Input, json, optional, text } from "../../util/params.js";
import { type Finish, type Fitted, fitNetwork, requireColumns } from "../neural/fit-network.js";
import { isRecordOf, lossParam, metricsParam, neuralParams } from "../neural/params.js";
import { lossesBy } from "../neural/per-output.js";
import { numberOf, paramOf, prefixOf } from "../neural/trained.js";
import { NeuralClassificationModel, outputColumns } from "./neural-classification-model.js";

const params = defineParams({
  ...neuralParams,
  loss: lossParam("crossEntropy"),
  metrics: metricsParam(["accuracy"]),
  classWeight: optional(
    json<Readonly<Record<string, number>>>(
      "factor of the weight of each class's rows, by its number",
      "{ 0: 1, 1: 5 } with numbers of at least 0",
      (value) => isRecordOf(value, (each) => typeof each === "number" && each >= 0),
    ),
  ),
  predictionCol: text("column to add: the predicted class, a double; empty for none", { default: "prediction" }),
  probabilityCol: text("column to add: the probability of each class; empty for none", { default: "probability" }),
  rawPredictionCol: text("column to add: the network's own result for each class; empty for none", {
    default: "rawPrediction",
  }),
});

/**
 * Trains a network to tell classes apart. Labels are class numbers from 0; the network's last layer gives one logit per
 * class (`loss: "crossEntropy"`), or one for two classes (`loss: "binaryCrossEntropy"`). The shape of the network's input is
 * that of the column, unless it begins with `nn.input({ shape })`.
 *
 * The rows are read once and stay in memory up to `memory` MiB, beyond that in a temporary file. Steps run in a thread,
 * many per call; the same seed gives the same model. A network with several outputs adds `<output>_prediction` and so on;
 * among them may be outputs of numbers, whose loss is one of numbers (`loss: { kind: "crossEntropy", price: "mse" }`): their
 * prediction is the number, without probability.
 * Reports progress as task `NeuralClassifier.fit`.
 *
 * @throws SchemaError for a column that does not fit; ShapeError where layers do not fit each other; DataError for a row
 * that is null, not finite or of an unknown class (it names the row), and for no rows; TrainingError, which has the model so
 * far, where the signal is aborted or the loss is no longer finite.
 * @example
 * const network = nn.sequential([nn.dense(256, { activation: "relu" }), nn.dropout(0.3), nn.dense(10)]);
 * const model = await new NeuralClassifier({ network, optimizer: optim.adam({ lr: 1e-3 }), batchSize: 64, epochs: 6, seed: 1 }).fit(train);
 */
export class NeuralClassifier extends Estimator<typeof params, NeuralClassificationModel> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  transformSchema(schema: Schema): Schema {
    const { outputs } = requireColumns(schema, this.params, this);
    const numbers = this.#numbersAmong(outputs);
    return outputColumns(outputs, { ...this.params, numbers }).reduce(
      (after, { column, tensor }) =>
        after.with(
          column,
          tensor.endsWith("prediction") ? "double" : { kind: "array", element: "float" },
          this,
          paramOf(tensor),
        ),
      schema,
    );
  }

  async fit(df: DataFrame, options: FitOptions = {}): Promise<NeuralClassificationModel> {
    this.transformSchema(await schemaOf(df, this));
    const numbers = this.#numbersAmong(networkOf(this.params.network).outputs);
    const finish: Finish = (g, heads) =>
      Object.assign(
        {},
        ...heads.map(({ head, prediction }) =>
          numbers.includes(head.output)
            ? { [`${prefixOf(head.output, heads.length)}prediction`]: numberOf(g, prediction) }
            : classOutputs(g, head.output, heads.length, head.loss, prediction),
        ),
      );
    const { featuresCol, predictionCol, probabilityCol, rawPredictionCol, device } = this.params;
    const model = (fitted: Fitted) =>
      new NeuralClassificationModel({
        ...{ featuresCol, predictionCol, probabilityCol, rawPredictionCol, numbers, device, ...fitted },
      });
    return fitNetwork(this, df, options, { finish, model }, numbers);
  }

  /** Outputs of numbers. A network with one output tells classes, whatever its loss. */
  #numbersAmong(outputs: readonly string[]): readonly string[] {
    if (outputs.length === 1) return [];
    const lossOf = lossesBy(this.params.loss, outputs, this);
    return outputs.filter((output) => lossOf.get(output)!.predicts === "values");
  }
}

/** Raw results, probabilities and the predicted class of one output; two classes where it is one number. */
function classOutputs(g: GraphBuilder, output: string, count: number, loss: Loss, raw: Value): Record<string, Value> {
  const prefix = prefixOf(output, count);
  const probability = activate(loss, raw);
  const isBinary = raw.shape?.at(-1) === 1 && loss.target === "values";
  const both = isBinary ? g.concat(g.sub(1, probability), [probability], { axis: -1 }) : probability;
  return {
    [`${prefix}rawPrediction`]: isBinary ? g.concat(g.neg(raw), [raw], { axis: -1 }) : raw,
    [`${prefix}probability`]: both,
    [`${prefix}prediction`]: g.cast(g.argMax(both, { axis: -1 }), "float64"),
  };
}
