/** @file MultilayerPerceptronClassifier: classes from features, by a network of dense layers fitted over the whole data. */

import type { DataFrame } from "../../data/dataframe.js";
import { Expr } from "../../data/expr.js";
import { name, sql } from "../../data/plan.js";
import type { Schema } from "../../data/schema.js";
import { widthOf } from "../../data/types.js";
import { DataError, ParamError, SchemaError, TrainingError } from "../../errors.js";
import { schemaOf } from "../../pipeline/schema-of.js";
import { Estimator, type FitOptions } from "../../pipeline/stage.js";
import { choice, columnName, defineParams, type Input, integer, number, numbers, optional } from "../../util/params.js";
import { abortedFit } from "../objective/aborted-fit.js";
import type { TrainingColumns } from "../objective/block.js";
import { readTrainingRows, type TrainingRows } from "../objective/training-rows.js";
import {
  classifierParams,
  requireClasses,
  requireLabel,
  requireThresholds,
  withPredictions,
} from "./classifier-params.js";
import { EarlyStopping } from "./early-stopping.js";
import { layersParam } from "./layers-param.js";
import {
  MultilayerPerceptronClassificationModel,
  requireWeights,
} from "./multilayer-perceptron-classification-model.js";
import { fitPerceptron, randomWeights } from "./perceptron-fit.js";
import { activations } from "./perceptron-graphs.js";

const params = defineParams({
  ...classifierParams,
  labelCol: columnName("column of classes: whole numbers from 0", { default: "label" }),
  layers: layersParam,
  solver: choice("l-bfgs, or gd: gradient descent by steps of stepSize", ["l-bfgs", "gd"], { default: "l-bfgs" }),
  maxIter: integer("steps at most", { default: 100, min: 0 }),
  tol: number("the search stops when a step changes less than this part of the objective (gd: of the weights)", {
    default: 1e-6,
    min: 0,
  }),
  stepSize: number("what gd multiplies the gradient by", { default: 0.03, above: 0 }),
  blockSize: optional(
    integer("rows that one run of the network takes; without it what suits the processor", { min: 1 }),
  ),
  // Spark's default is the hash of its class's name
  seed: integer("of the random weights; the same ones as in Spark MLlib", { default: -763_139_545 }),
  initialWeights: optional(numbers("weights to start from, in the layout of model.weights, instead of random ones")),
  activation: choice("activation of the hidden layers", activations, { default: "sigmoid" }),
  regParam: number("strength of the penalty on weights; biases are free", { default: 0, min: 0 }),
  elasticNetParam: number("the penalty's part that is L1; the rest is L2", { default: 0, min: 0, max: 1 }),
  weightCol: optional(columnName("column of the rows' weights; without it all weigh the same")),
  validationIndicatorCol: optional(columnName("boolean column: true for rows that only tell when to stop")),
  validationTol: number("a step helps where it lowers the validation loss by more than this part of it", {
    default: 0.01,
    min: 0,
  }),
  patience: integer("steps in a row without help after which the search stops", { default: 10, min: 1 }),
  precision: choice(
    "what the layers compute in; auto: float64 for small problems, else float32 and float64 for the last steps",
    ["auto", "float32", "float64"],
    { default: "auto" },
  ),
});

/**
 * Learns a network of dense layers with a softmax at its end, with the parameters, defaults, objective and random weights
 * of Spark MLlib's MultilayerPerceptronClassifier; and, which that lacks, with other activations, penalties, row weights, and
 * validation rows that stop the search (the weights with the least validation loss are kept).
 *
 * Each step evaluates loss and gradient over the whole data, in the pool's threads or on the cluster where the rows are.
 * Reports progress as task `MultilayerPerceptronClassifier.fit`, and warns where it stops at `maxIter`.
 *
 * @throws SchemaError or ParamError for columns and parameters that do not fit; DataError for a label that is no class of
 * `layers`, features that are not finite or a negative weight (each names the row), for no rows, and for one class only;
 * TrainingError, which has the model so far, where the signal is aborted after the first step, or the loss is no longer finite.
 * @example
 * const model = await new MultilayerPerceptronClassifier({ layers: [2, 5, 2], seed: 123 }).fit(xor);
 */
export class MultilayerPerceptronClassifier extends Estimator<typeof params, MultilayerPerceptronClassificationModel> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
    const { layers, initialWeights, thresholds } = this.params;
    if (initialWeights !== undefined) requireWeights(layers, initialWeights.length, "initialWeights", this.name);
    requireThresholds(thresholds, layers.at(-1)!, this);
  }

  transformSchema(schema: Schema): Schema {
    const { featuresCol, labelCol, weightCol, validationIndicatorCol, layers } = this.params;
    const type = schema.requireVector(featuresCol, this, "featuresCol");
    if (typeof type === "object" && type.kind === "tensor") this.#requireWidth(widthOf(type));
    requireLabel(schema, labelCol, this);
    if (weightCol !== undefined) schema.requireNumber(weightCol, this, "weightCol");
    if (validationIndicatorCol !== undefined) {
      const found = schema.require(validationIndicatorCol, this, "validationIndicatorCol");
      if (found !== "boolean") {
        const message = `column "${validationIndicatorCol}" must be boolean; write selectExpr("*", "a > b AS isValidation")`;
        throw new SchemaError(this, message, { code: "COLUMN_TYPE", column: validationIndicatorCol });
      }
    }
    return withPredictions(schema, this.params, layers.at(-1), this);
  }

  async fit(df: DataFrame, { signal }: FitOptions = {}): Promise<MultilayerPerceptronClassificationModel> {
    this.transformSchema(await schemaOf(df, this));
    const {
      layers,
      activation,
      maxIter,
      tol,
      stepSize,
      initialWeights,
      seed,
      validationIndicatorCol: indicator,
    } = this.params;
    const report = (done: number, finished = false) =>
      df.engine.report({ task: `${this.name}.fit`, done, total: maxIter, unit: "iterations", finished });
    report(0);
    const isValidation = indicator === undefined ? undefined : sql`${name(indicator)}`;
    if (indicator !== undefined) await this.#requireIndicators(df, indicator);
    const data = await this.#read(
      isValidation === undefined ? df : df.filter(new Expr(sql`NOT ${isValidation}`)),
      "training data",
      signal,
    );
    let held: TrainingRows | undefined;
    try {
      requireClasses(data.summary, this);
      if (isValidation !== undefined)
        held = await this.#read(df.filter(new Expr(isValidation)), "validation data", signal);
      const start = initialWeights === undefined ? randomWeights(layers, seed) : Float64Array.from(initialWeights);
      const stopping = held && new EarlyStopping(held, this.params, signal);
      const onIteration = async (i: number, _: number, weights: Float64Array) => {
        report(i);
        return await stopping?.isEnough(weights);
      };
      const found = await fitPerceptron(data, start, { ...this.params, signal, onIteration });
      report(found.iterations, true);
      if (found.reason === "maxIter" && maxIter > 0) {
        const advice = `before the loss settled (tol ${tol}); raise maxIter, or see model.summary.objectiveHistory`;
        process.emitWarning(`${this.name}: stopped after maxIter = ${maxIter} steps ${advice}`, "DeepframeWarning");
      }
      const { featuresCol, predictionCol, probabilityCol, rawPredictionCol, thresholds } = this.params;
      const learned = {
        ...{ featuresCol, predictionCol, probabilityCol, rawPredictionCol, thresholds, layers, activation },
        objectiveHistory: found.history,
        validationHistory: stopping?.history ?? [],
        stopReason: found.reason,
      };
      const weights = stopping?.best ?? found.point;
      const model = MultilayerPerceptronClassificationModel.of(learned, weights, data.featureType);
      if (found.reason === "aborted") throw abortedFit(this, found.iterations, model, signal);
      if (found.reason === "notFinite") {
        const step = found.iterations + 1;
        const message = `the loss is no longer a finite number after step ${step} of gd; take a smaller stepSize than ${stepSize}; what was learned before that step is the error's model`;
        throw new TrainingError(this, message, model, { code: "NOT_FINITE", step });
      }
      return model;
    } finally {
      await data.close();
      await held?.close();
    }
  }

  /** @throws DataError where a row's place is not told; the column is read alone, stages that do not make it do not run */
  async #requireIndicators(df: DataFrame, column: string): Promise<void> {
    const count = await df
      .select(column)
      .filter(new Expr(sql`${name(column)} IS NULL`))
      .count();
    if (count === 0) return;
    const message = `column "${column}" is null in ${count} of the rows, which so neither train nor validate; fill or drop them first`;
    throw new DataError(this, message, { code: "NULL_INDICATOR", column });
  }

  async #read(df: DataFrame, what: string, signal: AbortSignal | undefined): Promise<TrainingRows> {
    const { featuresCol, labelCol, weightCol, layers } = this.params;
    const count = layers.at(-1)!;
    const advice = `layers end with ${count}; end them with the number of classes`;
    const columns: TrainingColumns = {
      featuresCol,
      labelCol,
      weightCol,
      labels: "classes",
      classes: { count, advice },
    };
    const rows = await readTrainingRows(df, columns, { who: this, signal, what });
    try {
      this.#requireWidth(rows.summary.mean.length);
    } catch (error) {
      await rows.close();
      throw error;
    }
    return rows;
  }

  #requireWidth(width: number): void {
    const { layers, featuresCol } = this.params;
    if (width === layers[0]) return;
    const message = `layers begin with ${layers[0]}, but column "${featuresCol}" has ${width} numbers; begin them with ${width}`;
    throw new ParamError(this, message, { param: "layers" });
  }
}
