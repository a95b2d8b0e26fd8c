/** @file LogisticRegression: classes from features, by a linear model. */

import type { DataFrame } from "../../data/dataframe.js";
import type { Schema } from "../../data/schema.js";
import { ParamError } from "../../errors.js";
import { schemaOf } from "../../pipeline/schema-of.js";
import { Estimator, type FitOptions } from "../../pipeline/stage.js";
import { Asset } from "../../util/asset.js";
import { boolean, choice, columnName, defineParams, type Input, optional } from "../../util/params.js";
import { abortedFit } from "../objective/aborted-fit.js";
import { linearParams } from "../objective/linear-params.js";
import { readTrainingRows } from "../objective/training-rows.js";
import {
  classifierParams,
  requireLabel,
  requireThresholds,
  thresholdParam,
  withPredictions,
} from "./classifier-params.js";
import { fitLogistic, type LogisticOptions } from "./logistic-fit.js";
import { predictionGraph } from "./logistic-graphs.js";
import { LogisticRegressionModel } from "./logistic-regression-model.js";

const params = defineParams({
  ...classifierParams,
  ...thresholdParam,
  labelCol: columnName("column of classes: whole numbers from 0", { default: "label" }),
  weightCol: optional(columnName("column of the rows' weights; without it all weigh the same")),
  family: choice(
    "one margin for two classes (binomial), or one per class (multinomial); auto: binomial for two",
    ["auto", "binomial", "multinomial"],
    { default: "auto" },
  ),
  ...linearParams,
  fitIntercept: boolean("whether the model has intercepts", { default: true }),
  standardization: boolean("whether the penalty is on coefficients of standardised features", { default: true }),
});

/**
 * Learns a linear classifier, with the objective, defaults and parameter names of Spark ML's LogisticRegression, by L-BFGS,
 * or OWL-QN where part of the penalty is L1. Loss and gradient are an ONNX graph that the pool evaluates in float64 over
 * blocks of rows; the training data is read once: up to 256 MiB of it stay in memory, the rest in a temporary
 * file that each step reads.
 *
 * Features are an array or tensor column of numbers. Reports progress as task `LogisticRegression.fit`.
 *
 * @throws SchemaError for a column that does not fit; DataError for a label that is no whole number from 0, features that
 * are not finite or a negative weight (each names the row), for no rows, and for one class only;
 * TrainingError, which has the model so far, where the signal is aborted after the first step.
 * @example
 * const model = await new LogisticRegression({ featuresCol: "features", labelCol: "labelIndex", regParam: 0.01 }).fit(train);
 * model.coefficientMatrix; // Tensor(float64, [3, 4])
 */
export class LogisticRegression extends Estimator<typeof params, LogisticRegressionModel> {
  static readonly specs = params;

  constructor(values: Input<typeof params> = {}) {
    super(params, values);
  }

  transformSchema(schema: Schema): Schema {
    const { featuresCol, labelCol, weightCol } = this.params;
    schema.requireVector(featuresCol, this, "featuresCol");
    requireLabel(schema, labelCol, this);
    if (weightCol !== undefined) schema.requireNumber(weightCol, this, "weightCol");
    return withPredictions(schema, this.params, undefined, this);
  }

  async fit(df: DataFrame, { signal }: FitOptions = {}): Promise<LogisticRegressionModel> {
    this.transformSchema(await schemaOf(df, this));
    const { featuresCol, labelCol, weightCol, maxIter, tol } = this.params;
    const task = "LogisticRegression.fit";
    const report = (done: number, finished = false) =>
      df.engine.report({ task, done, total: maxIter, unit: "iterations", finished });
    report(0);
    const columns = { featuresCol, labelCol, weightCol, labels: "classes" } as const;
    const data = await readTrainingRows(df, columns, { who: this, signal });
    try {
      const { regParam, elasticNetParam, fitIntercept, standardization } = this.params;
      const family = this.#familyFor(data.summary.classWeights.length);
      const penalty = { regParam, elasticNetParam, fitIntercept, standardization };
      const options: LogisticOptions = { family, ...penalty, maxIter, tol, signal, onIteration: (i) => report(i) };
      const fit = await fitLogistic(data, options, this);
      report(fit.iterations, true);
      const { predictionCol, probabilityCol, rawPredictionCol, threshold, thresholds } = this.params;
      const graph = predictionGraph({ ...fit, threshold, thresholds }, data.featureType);
      const model = new LogisticRegressionModel({
        ...{ featuresCol, predictionCol, probabilityCol, rawPredictionCol, threshold, thresholds },
        model: new Asset(graph.toBytes()),
        objectiveHistory: fit.history,
      });
      if (fit.reason === "aborted") throw abortedFit(this, fit.iterations, model, signal);
      return model;
    } finally {
      await data.close();
    }
  }

  #familyFor(classes: number): LogisticOptions["family"] {
    const { family, thresholds } = this.params;
    requireThresholds(thresholds, Math.max(2, classes), this);
    if (family === "binomial" && classes > 2) {
      const found = `the data has labels up to ${classes - 1}`;
      throw new ParamError(this, `family "binomial" takes labels 0 and 1, ${found}; set family to "multinomial"`);
    }
    if (family !== "auto") return family;
    return classes <= 2 ? "binomial" : "multinomial";
  }
}
