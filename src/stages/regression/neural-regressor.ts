/** @file NeuralRegressor: numbers from anything a network takes. */

import type { DataFrame } from "../../data/dataframe.js";
import type { Schema } from "../../data/schema.js";
import { schemaOf } from "../../pipeline/schema-of.js";
import { Estimator, type FitOptions } from "../../pipeline/stage.js";
import { columnName, defineParams, type Input } from "../../util/params.js";
import { type Finish, type Fitted, fitNetwork, requireColumns } from "../neural/fit-network.js";
import { lossParam, metricsParam, neuralParams } from "../neural/params.js";
import { numberOf, prefixOf } from "../neural/trained.js";
import { NeuralRegressionModel, predictedColumns } from "./neural-regression-model.js";

const params = defineParams({
  ...neuralParams,
  loss: lossParam("meanSquaredError"),
  metrics: metricsParam([]),
  predictionCol: columnName("column to add: the prediction", { default: "prediction" }),
});

/**
 * Trains a network to predict numbers: one per row, or a tensor of the labels' shape (an autoencoder's label is its input).
 * The shape of the network's input is that of the column, unless it begins with `nn.input({ shape })`. Otherwise as
 * {@link NeuralClassifier}. Reports progress as task `NeuralRegressor.fit`.
 *
 * @throws SchemaError for a column that does not fit; ShapeError where layers do not fit each other; DataError for a row
 * that is null or not finite (it names the row), and for no rows; TrainingError as NeuralClassifier.
 * @example
 * const network = nn.sequential([nn.dense(32, { activation: "relu" }), nn.dense(1)]);
 * const model = await new NeuralRegressor({ network, labelCol: "price", epochs: 20, validation: 0.1 }).fit(houses);
 */
export class NeuralRegressor extends Estimator<typeof params, NeuralRegressionModel> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  transformSchema(schema: Schema): Schema {
    const { outputs } = requireColumns(schema, this.params, this);
    const type = outputs.length === 1 && schema.typeOf(this.params.labelCol);
    const isVector = typeof type === "object" && (type.kind === "tensor" || type.kind === "array");
    return predictedColumns(outputs, this.params.predictionCol).reduce(
      (after, { column }) =>
        after.with(column, isVector ? { kind: "array", element: "float" } : "double", this, "predictionCol"),
      schema,
    );
  }

  async fit(df: DataFrame, options: FitOptions = {}): Promise<NeuralRegressionModel> {
    this.transformSchema(await schemaOf(df, this));
    const finish: Finish = (g, heads) => {
      const named = heads.map(({ head, prediction }) => {
        const name = `${prefixOf(head.output, heads.length)}prediction`;
        return [name, numberOf(g, prediction)];
      });
      return Object.fromEntries(named);
    };
    const { featuresCol, predictionCol, device } = this.params;
    const model = (fitted: Fitted) =>
      new NeuralRegressionModel({
        ...{ featuresCol, predictionCol, device, ...fitted },
      });
    return fitNetwork(this, df, options, { finish, model });
  }
}
