/** @file Fits a network to a DataFrame: columns, rows, training; what classifiers and regressors share. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { DataFrame } from "../../data/dataframe.js";
import { expectOptions, expectSignal } from "../../data/expect.js";
import type { Schema } from "../../data/schema.js";
import { DataError, listNames, ParamError, SchemaError, TrainingError } from "../../errors.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { buildNetwork } from "../../nn/build.js";
import type { Loss } from "../../nn/losses/loss.js";
import { metrics } from "../../nn/metrics/batch-metric.js";
import { networkOf } from "../../nn/network.js";
import { shapeRules } from "../../ops/infer.js";
import { optimizers } from "../../optim/optimizer.js";
import type { FitOptions, Stage } from "../../pipeline/stage.js";
import { toAsset } from "../../runtime/load-asset.js";
import { sizeOf } from "../../tensor/shape.js";
import type { Callback, Logs } from "../../train/callback.js";
import {
  type Head,
  inferenceGraph,
  inputOf,
  manifestOf,
  outputsOf,
  type Problem,
  rowWeight,
} from "../../train/problem.js";
import { type Trained, train } from "../../train/trainer.js";
import type { Asset } from "../../util/asset.js";
import type { Values } from "../../util/params.js";
import type { Feed } from "../onnx/feed.js";
import { columnsBy, type FieldColumn, inputColumns, targetColumn, weightColumn } from "./columns.js";
import type { MetricList, neuralParams } from "./params.js";
import { lossesBy, metricsBy, requireOutputs } from "./per-output.js";
import { type Fed, type Holdout, readRows, type Target } from "./read-rows.js";

export interface NetworkParams extends Values<typeof neuralParams> {
  readonly loss: Loss | string | Readonly<Record<string, Loss | string>>;
  readonly metrics: MetricList | Readonly<Record<string, MetricList>>;
  readonly classWeight?: Readonly<Record<string, number>> | undefined;
}

/** What models are made of. */
export interface Fitted {
  readonly model: Asset;
  readonly feeds: Readonly<Record<string, Feed>>;
  /** Rows of the tables that inputs look up. */
  readonly tables: Readonly<Record<string, number>>;
  readonly outputs: readonly string[];
  readonly history: readonly Logs[];
}

/** Makes a model's outputs of the network's. */
export type Finish = (
  g: GraphBuilder,
  heads: readonly { readonly head: Head; readonly prediction: Value }[],
) => Readonly<Record<string, Value>>;

/** The network, and the columns of its inputs and outputs. @throws SchemaError for one that is missing */
export function requireColumns(schema: Schema, params: Values<typeof neuralParams>, who: Stage) {
  const { featuresCol, featuresCols, labelCol, labelCols, weightCol } = params;
  const network = networkOf(params.network);
  const inputNames = network.inputs.map(({ name }) => name);
  const features = columnsBy(inputNames, featuresCol, featuresCols, "featuresCol", "input", who);
  for (const column of features.values()) schema.require(column, who, "featuresCol");
  const labels = columnsBy(network.outputs, labelCol, labelCols, "labelCol", "output", who);
  for (const column of labels.values()) schema.require(column, who, "labelCol");
  if (weightCol !== undefined) schema.requireNumber(weightCol, who, "weightCol");
  if (params.validateEverySteps !== undefined && params.validation === undefined) {
    const message = "validateEverySteps needs rows to validate on; set validation, to 0.1 for a tenth of the rows";
    throw new ParamError(who, message, { param: "validateEverySteps" });
  }
  return { network, outputs: network.outputs, features, labels };
}

/** What makes an estimator's model of the trained network. */
export interface Making<M> {
  readonly finish: Finish;
  model(fitted: Fitted): M;
}

/**
 * Trains the network of an estimator's parameters.
 *
 * @param numbers outputs of a classifier that are numbers: a list of metrics is not for them
 * @throws TrainingError<M> where training ended before its time
 */
export async function fitNetwork<M>(
  stage: Stage & { readonly params: NetworkParams },
  df: DataFrame,
  options: FitOptions,
  making: Making<M>,
  numbers: readonly string[] = [],
): Promise<M> {
  const { params } = stage;
  expectOptions(options, stage, ["signal"]);
  const { signal } = options;
  expectSignal(signal, stage);
  const schema = await df.schema();
  const { network, features, labels } = requireColumns(schema, params, stage);
  const given = await inputColumns(df, network, features, stage);
  const lossOf = lossesBy(params.loss, network.outputs, stage);
  const { classesOf, embeddings, manifest } = await lookOver({ network, inputs: given.map(({ field }) => field) });
  const inputs = given.map((column, i): Fed => ({ ...column, embedding: embeddings[i] }));
  const targets = network.outputs.map((output) => {
    const { target } = lossOf.get(output)!;
    const column = targetColumn(schema, output, labels.get(output)!, target, stage);
    const isProbability = target === "values" && lossOf.get(output)!.activation === "sigmoid";
    return { ...column, classes: target === "classes" ? classesOf.get(output) : undefined, isProbability };
  });
  const weight = params.weightCol === undefined ? undefined : weightColumn(schema, params.weightCol, stage);
  const { classWeight } = params;
  if (classWeight !== undefined) requireClasses(classWeight, targets, stage);
  const { lossWeights = {} } = params;
  requireOutputs(lossWeights, "lossWeights", network.outputs, stage);
  const metricsOf = metricsBy(params.metrics, network.outputs, numbers, stage);
  const heads = targets.map(({ field }, i): Head => {
    const output = network.outputs[i]!;
    const found = metricsOf(output).map((metric) => metrics.of(metric, stage));
    return { output, target: field, loss: lossOf.get(output)!, lossWeight: lossWeights[output] ?? 1, metrics: found };
  });
  if (params.validation instanceof DataFrame)
    await requireSame(params.validation, [...inputs, ...targets, weight], stage);
  const reading = { inputs, targets, weight, classWeight, who: stage, signal, budget: params.memory * 2 ** 20 };
  const holdout = holdoutOf(params, schema, stage);
  const { train: rows, validation: held } = await readRows(df, reading, holdout);
  let validation = held;
  try {
    if (params.validation instanceof DataFrame) {
      const who = `${stage.name}: validation`;
      validation = (await readRows(params.validation, { ...reading, who }, undefined)).train;
    }
    if (rows.rows === 0)
      throw new DataError(stage, `there are no rows to train on; ${whyNone(validation)}`, { code: "NO_ROWS" });
    if (validation?.rows === 0)
      throw new DataError(stage, "there are no rows to validate on; change validation", { code: "NO_ROWS" });
    for (const [i, { plan, classes }] of targets.entries()) {
      const only = rows.rows > 1 && classes !== undefined ? rows.onlyValue(targets[i]!.field.name) : undefined;
      if (only === undefined) continue;
      const message = `column "${plan.column}" holds class ${only} in every row, so there is nothing to tell apart; check the filter before it, or the labels`;
      throw new DataError(stage, message, { code: "ONE_CLASS", column: plan.column });
    }
    const weightField = rows.fields.find(({ name }) => name === rowWeight);
    if (weightField !== undefined && rows.onlyValue(rowWeight) === 0) {
      const message = `the weights of all ${rows.rows} rows are 0; there is nothing to learn from`;
      throw new DataError(stage, message, { code: "NO_WEIGHT" });
    }
    const problem: Problem = { network, inputs: inputs.map(({ field }) => field), heads, weight: weightField };
    const modelOf = async ({ weights, history }: Trained) => {
      // each of these takes a while for a large network, and timers run between turns, not before the first of them
      await nextTurn();
      const graph = inferenceGraph(problem, weights, (g, outputs) =>
        making.finish(
          g,
          heads.map((head) => ({ head, prediction: outputs[head.output]! })),
        ),
      );
      const feeds = Object.fromEntries(inputs.map(({ field, feed }) => [field.name, feed]));
      const tables = inputs.flatMap(({ field, embedding }) => (embedding ? [[field.name, embedding.inputDim]] : []));
      await nextTurn();
      const chunks = graph.toChunks();
      await nextTurn();
      const model = await toAsset(chunks);
      return making.model({ model, feeds, tables: Object.fromEntries(tables), outputs: network.outputs, history });
    };
    const training = train({
      who: stage,
      problem,
      manifest,
      optimizer: optimizers.of(params.optimizer, stage),
      train: rows,
      validation,
      validateEverySteps: params.validateEverySteps,
      epochs: params.epochs,
      batchSize: Math.min(params.batchSize, rows.rows),
      shuffle: params.shuffle,
      seed: params.seed,
      callbacks: [reporter(stage.name, df), ...params.callbacks],
      checkpointDir: params.checkpointDir,
      resume: params.resume,
      recompute: params.recompute,
      device: params.device,
      signal,
    });
    const trained = await training.catch(async (error) => {
      throw error instanceof TrainingError ? error.of(await modelOf(error.model)) : error;
    });
    return await modelOf(trained);
  } finally {
    await rows.close();
    await validation?.close();
  }
}

function whyNone(validation: { readonly rows: number } | undefined): string {
  if (validation === undefined || validation.rows === 0) return "check the filter before it";
  return `validation takes all ${validation.rows} of them; change validation`;
}

/** @throws SchemaError where rows to validate on lack a column that is trained on */
async function requireSame(validation: DataFrame, columns: readonly (FieldColumn | undefined)[], who: Stage) {
  const schema = await validation.schema();
  for (const { plan } of columns.filter((each) => each !== undefined)) {
    if (schema.has(plan.column)) continue;
    const message = `the DataFrame of validation has no column "${plan.column}" (it has ${listNames(schema.names)}), which is trained on`;
    throw new SchemaError(who, message, { code: "NO_COLUMN", column: plan.column });
  }
}

/** @throws ParamError where rows have no single class to be weighed by, or one that is weighed is none */
function requireClasses(classWeight: Readonly<Record<string, number>>, targets: readonly Target[], who: Stage): void {
  const { field, classes, isProbability } = targets[0]!;
  const count = isProbability ? 2 : classes;
  if (targets.length > 1 || count === undefined || sizeOf(field.shape) > 1) {
    const message = "classWeight needs a network with one output, and one class in each row; weigh rows with weightCol";
    throw new ParamError(who, message, { param: "classWeight" });
  }
  const unknown = Object.keys(classWeight).filter((name) => !(/^\d+$/.test(name) && Number(name) < count));
  if (unknown.length === 0) return;
  const message = `classWeight has ${listNames(unknown)}, but the network's classes are 0 to ${count - 1}`;
  throw new ParamError(who, message, { param: "classWeight" });
}

/** Builds the network once, so that layers that do not fit are told before rows are read. */
async function lookOver(problem: Pick<Problem, "network" | "inputs">) {
  await nextTurn();
  const g = new GraphBuilder({ rules: shapeRules() });
  const fed = problem.inputs.map((field) =>
    inputOf(g, problem.network, field, g.input(field.name, field.dtype, ["batch", ...field.shape])),
  );
  const embeddings: Fed["embedding"][] = fed.map(() => undefined);
  const built = buildNetwork(g, problem.network, fed, {
    training: false,
    weight: ({ name, shape }) => g.input(name, "float32", shape),
    called({ layer, inputs: [x] }) {
      const at = fed.findIndex(({ name }) => name === x?.name);
      if (layer.type !== "Embedding" || at < 0) return;
      const inputDim = layer.params.inputDim as number;
      if (inputDim < (embeddings[at]?.inputDim ?? Infinity)) embeddings[at] = { label: layer.label, inputDim };
    },
  });
  await nextTurn();
  // after the graph of named batches, so that messages speak of [batch, ...]
  const manifest = manifestOf(problem);
  // classes that each output tells apart: its last size
  const classesOf: ReadonlyMap<string, number> = new Map(
    Object.entries(outputsOf(problem.network, built)).flatMap(([output, { shape }]) => {
      const last = shape?.at(-1);
      return typeof last === "number" ? [[output, last]] : [];
    }),
  );
  return { classesOf, embeddings, manifest };
}

function holdoutOf({ validation, seed }: NetworkParams, schema: Schema, who: Stage): Holdout {
  if (validation === undefined || validation instanceof DataFrame) return undefined;
  if (typeof validation === "number") return { fraction: validation, seed };
  const type = schema.require(validation, who, "validation");
  if (type === "boolean") return { column: validation };
  const message = `column "${validation}" must be boolean to say which rows validate; write selectExpr("*", "fold = 0 AS isValidation")`;
  throw new SchemaError(who, message, { code: "COLUMN_TYPE", column: validation });
}

/** Progress of the whole training for the session's listener. */
function reporter(name: string, df: DataFrame): Callback {
  const task = `${name}.fit`;
  const report = (done: number, total: number, finished: boolean) =>
    df.engine.report({ task, done, total, unit: "iterations", finished });
  return {
    name: "Report",
    onTrainBegin: (run) => report(run.step, run.steps * run.epochs, false),
    onProgress: (_logs, run) => report(run.step, run.steps * run.epochs, false),
    onTrainEnd: (run) => report(run.step, run.steps * run.epochs, true),
  };
}
