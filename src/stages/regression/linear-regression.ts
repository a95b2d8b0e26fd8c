/** @file LinearRegression: numbers from features, by a linear model. */

import type { DataFrame } from "../../data/dataframe.js";
import type { Schema } from "../../data/schema.js";
import { DataError, ParamError } from "../../errors.js";
import { schemaOf } from "../../pipeline/schema-of.js";
import { Estimator, type FitOptions } from "../../pipeline/stage.js";
import { Asset } from "../../util/asset.js";
import { isAbort } from "../../util/is-abort.js";
import { boolean, choice, columnName, defineParams, type Input, number, optional } from "../../util/params.js";
import { abortedFit } from "../objective/aborted-fit.js";
import { linearParams } from "../objective/linear-params.js";
import { readTrainingRows } from "../objective/training-rows.js";
import { fitLinear } from "./linear-fit.js";
import { predictionGraph } from "./linear-graphs.js";
import { LinearRegressionModel } from "./linear-regression-model.js";
import { summaryOf, unknownSummary } from "./linear-summary.js";

/** Widest features of which `auto` takes the normal equations: solving takes the cube of it. */
const mostAuto = 1024;
/** As in Spark ML. */
const mostNormal = 4096;

const params = defineParams({
  featuresCol: columnName("vector column of features", { default: "features" }),
  labelCol: columnName("column of numbers to predict", { default: "label" }),
  predictionCol: columnName("column to add: the prediction, a double", { default: "prediction" }),
  weightCol: optional(columnName("column of the rows' weights; without it all weigh the same")),
  ...linearParams,
  fitIntercept: boolean("whether the model has an intercept", { default: true }),
  standardization: boolean("whether the penalty is on coefficients of standardised features", { default: true }),
  solver: choice(
    `normal: one pass over the rows; l-bfgs: a pass per step; auto: normal for up to ${mostAuto} features, but not for huber`,
    ["auto", "normal", "l-bfgs"],
    { default: "auto" },
  ),
  loss: choice("squaredError, or huber, which outliers sway less", ["squaredError", "huber"], {
    default: "squaredError",
  }),
  epsilon: number("of huber: residuals beyond this many times the scale count as outliers", {
    default: 1.35,
    above: 1,
  }),
});

/**
 * Learns a linear model of a number, with the objective, defaults and parameter names of Spark ML's LinearRegression. By the
 * normal equations one pass over the rows gives all there is to know of them; by l-bfgs each step is a pass. Passes run in
 * the pool's threads, or on the cluster where the rows are.
 *
 * Reports progress as task `LinearRegression.fit`.
 *
 * @throws SchemaError or ParamError for columns and parameters that do not fit; DataError for a label or features that are not
 * finite or a negative weight (each names the row), and for no rows; TrainingError, which has the model so far, where the
 * signal is aborted after the first step.
 * @example
 * const model = await new LinearRegression({ regParam: 0.1, elasticNetParam: 0.5 }).fit(houses);
 * model.coefficients; // Float64Array [3.1, 0, 0.25]
 */
export class LinearRegression extends Estimator<typeof params, LinearRegressionModel> {
  static readonly specs = params;

  constructor(values: Input<typeof params> = {}) {
    super(params, values);
    const { loss, elasticNetParam, solver } = this.params;
    if (loss === "huber" && elasticNetParam > 0) {
      throw new ParamError(
        this,
        `loss "huber" takes no L1 penalty, got elasticNetParam ${elasticNetParam}; set it to 0`,
      );
    }
    if (loss === "huber" && solver === "normal") {
      throw new ParamError(this, 'loss "huber" has no normal equations; set solver to "auto" or "l-bfgs"');
    }
  }

  transformSchema(schema: Schema): Schema {
    const { featuresCol, labelCol, weightCol, predictionCol } = this.params;
    schema.requireVector(featuresCol, this, "featuresCol");
    schema.requireNumber(labelCol, this, "labelCol");
    if (weightCol !== undefined) schema.requireNumber(weightCol, this, "weightCol");
    return schema.with(predictionCol, "double", this, "predictionCol");
  }

  async fit(df: DataFrame, { signal }: FitOptions = {}): Promise<LinearRegressionModel> {
    this.transformSchema(await schemaOf(df, this));
    const { featuresCol, labelCol, weightCol, predictionCol, maxIter, fitIntercept } = this.params;
    const report = (done: number, finished = false) =>
      df.engine.report({ task: `${this.name}.fit`, done, total: maxIter, unit: "iterations", finished });
    report(0);
    const columns = { featuresCol, labelCol, weightCol, labels: "numbers" } as const;
    const data = await readTrainingRows(df, columns, { who: this, signal });
    try {
      const { rows, weight } = data.summary;
      if (weight === 0) {
        throw new DataError(this, `the weights of all ${rows} rows are 0; there is nothing to learn from`);
      }
      const solver = this.#solverFor(data.summary.mean.length);
      const found = await fitLinear(data, { ...this.params, solver, signal, onIteration: (i) => report(i) });
      report(found.history.length - 1, true);
      const intercept = found.intercepts[0]!;
      const graph = predictionGraph(found.coefficients, intercept, data.featureType);
      // what the error of an aborted fit gives is not kept waiting for another pass
      const summary = await summaryOf(data, found, fitIntercept, signal).catch((error) => {
        if (isAbort(error, signal)) return undefined;
        throw error;
      });
      const model = new LinearRegressionModel({
        ...{ featuresCol, predictionCol, scale: found.scale },
        model: new Asset(graph.toBytes()),
        trainingSummary: {
          objectiveHistory: found.history,
          ...(summary ?? unknownSummary(data, fitIntercept)),
        },
      });
      if (summary === undefined) throw abortedFit(this, found.history.length - 1, model, signal);
      return model;
    } finally {
      await data.close();
    }
  }

  #solverFor(features: number): "normal" | "l-bfgs" {
    const { solver, loss } = this.params;
    if (solver === "normal" && features > mostNormal) {
      const message = `solver "normal" takes up to ${mostNormal} features, got ${features}; set solver to "l-bfgs"`;
      throw new ParamError(this, message, { param: "solver" });
    }
    if (solver !== "auto") return solver;
    return loss === "squaredError" && features <= mostAuto ? "normal" : "l-bfgs";
  }
}
