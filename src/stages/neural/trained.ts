/** @file TrainedModel: what models of networks share: parameters, columns, and how they are run. */

import type { Schema } from "../../data/schema.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { type BatchFunction, Model, type StageContext } from "../../pipeline/stage.js";
import { devices } from "../../runtime/device.js";
import type { Logs } from "../../train/callback.js";
import {
  asset,
  choice,
  columnName,
  integer,
  json,
  optional,
  type ParamSpecs,
  strings,
  text,
  type Values,
} from "../../util/params.js";
import { ColumnRunner } from "../onnx/column-runner.js";
import type { Feed } from "../onnx/feed.js";

/** How a trained network is fed and run. */
export const trainedParams = {
  model: asset("ONNX model of the trained network"),
  featuresCol: columnName("column that feeds the network, where it has one input", { default: "features" }),
  feeds: json<Readonly<Record<string, Feed>>>(
    "column that feeds each input of the model, by the input's name",
    '{ input: "column" } or { input: { column, shape } }',
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  ),
  tables: json<Readonly<Record<string, number>>>(
    "how many numbers, from 0, each input may hold that an Embedding reads, by the input's name",
    "a record of whole numbers",
    (value) => typeof value === "object" && value !== null && Object.values(value).every(Number.isInteger),
    { default: {} },
  ),
  outputs: strings("the network's outputs"),
  history: json<readonly Logs[]>("losses and metrics of each epoch", "a list of records of numbers", Array.isArray, {
    default: [],
  }),
  predictionCol: text("column to add: the prediction; empty for none", { default: "prediction" }),
  batchSize: optional(integer("rows in one run of the model; about 1 MiB of them by default", { min: 1 })),
  device: choice("where the model runs", devices, { default: "cpu" }),
  onError: choice(
    'what becomes of a row that cannot be fed: "fail" ends the job; "null" gives nulls, and the reason in <first column added>_error',
    ["fail", "null"],
    { default: "fail" },
  ),
};

/** A column to add and the model's tensor it holds. */
export interface TrainedColumn {
  readonly column: string;
  readonly tensor: string;
}

/** What stands before the names of an output's columns and tensors: nothing where it is the only one. */
export function prefixOf(output: string, outputs: number): string {
  return outputs > 1 ? `${output}_` : "";
}

/** The parameter that names the column of a model's tensor: `probabilityCol` of `probability` and `kind_probability`. */
export function paramOf(tensor: string): string {
  return `${tensor.split("_").at(-1)}Col`;
}

/** A result of one number per row as doubles [batch]; others as they are. */
export function numberOf(g: GraphBuilder, prediction: Value): Value {
  const isNumber = prediction.rank === 2 && prediction.shape?.[1] === 1;
  return isNumber ? g.cast(g.squeeze(prediction, [1]), "float64") : prediction;
}

type TrainedSpecs = typeof trainedParams;

/** A trained network on columns. Subclasses say which tensors become columns. */
export abstract class TrainedModel<P extends TrainedSpecs & ParamSpecs> extends Model<P> {
  protected abstract get columns(): readonly TrainedColumn[];

  /** Losses and metrics of each epoch: `{ loss, accuracy, val_loss, val_accuracy, lr }`. */
  get history(): readonly Logs[] {
    return this.#trained.history;
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

  // of the parameters that P has beside its own
  get #trained(): Values<TrainedSpecs> {
    return this.params as unknown as Values<TrainedSpecs>;
  }

  get #runner(): ColumnRunner {
    const { feeds, tables, featuresCol, model, batchSize, device, onError } = this.#trained;
    const inputs = Object.entries(feeds);
    // with({ featuresCol }) feeds the only input from another column
    const moved = (feed: Feed): Feed => (typeof feed === "string" ? featuresCol : { ...feed, column: featuresCol });
    return new ColumnRunner(
      {
        ...{ model, tables, batchSize, device, onError },
        feeds: Object.fromEntries(inputs.length === 1 ? inputs.map(([input, feed]) => [input, moved(feed)]) : inputs),
        fetches: Object.fromEntries(this.columns.map(({ column, tensor }) => [column, tensor])),
        // as fit refuses them, and as scikit-learn's estimators do
        finite: true,
        names: { feeds: "featuresCol", fetches: paramOf },
      },
      this,
    );
  }
}
