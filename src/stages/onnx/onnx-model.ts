/** @file OnnxModel: any ONNX model as a stage: columns in, columns out. */

import type { Schema } from "../../data/schema.js";
import { listNames, ParamError } from "../../errors.js";
import { Graph } from "../../graph/graph.js";
import { type BatchFunction, type StageContext, Transformer } from "../../pipeline/stage.js";
import { devices } from "../../runtime/device.js";
import { readAsset, toAsset } from "../../runtime/load-asset.js";
import type { Asset } from "../../util/asset.js";
import { asset, choice, defineParams, type Input, integer, json, optional } from "../../util/params.js";
import { ColumnRunner } from "./column-runner.js";
import type { Feed } from "./feed.js";
import { describeValues, requireInput } from "./signature.js";

const params = defineParams({
  model: asset("the ONNX model, its weights included"),
  feeds: json<Readonly<Record<string, Feed>>>(
    "column that feeds each of the model's inputs, by the input's name",
    '{ input: "column" } or { input: { column, shape } }',
    (value) => isRecord(value) && Object.values(value).every(isFeed),
  ),
  fetches: json<Readonly<Record<string, string>>>(
    "tensor of the graph, an output or an intermediate one, by the name of the column to add",
    '{ column: "tensor" } with at least one entry',
    (value) => isNames(value) && Object.keys(value).length > 0,
  ),
  softmax: json<Readonly<Record<string, string>>>(
    "column to add with the softmax of a fetched column, by the fetched column's name",
    '{ fetchedColumn: "newColumn" }',
    isNames,
    { default: {} },
  ),
  argmax: json<Readonly<Record<string, string>>>(
    "column to add with the place of the largest number of a fetched column, by the fetched column's name",
    '{ fetchedColumn: "newColumn" }',
    isNames,
    { default: {} },
  ),
  batchSize: optional(integer("rows in one run of the model; about 1 MiB of feeds by default", { min: 1 })),
  device: choice("where the model runs", devices, { default: "cpu" }),
  onError: choice(
    'what becomes of a row that cannot be fed: "fail" ends the job; "null" gives nulls, and the reason in <first fetched column>_error',
    ["fail", "null"],
    { default: "fail" },
  ),
});

/**
 * Runs an ONNX model on columns.
 *
 * The first dimension of every input and fetched tensor stands for the rows. A number column feeds an input of shape
 * [batch] or [batch, 1]; a tensor column one of its shape; a list one of [batch, n], or of any shape as
 * `{ column, shape }`, where the lists of a batch must be of one length. Where the model's batch is fixed, the last batch is padded, and the padding's results are
 * dropped. Fetched tensors become numbers, strings, booleans or tensors of the shape the model states (float16 as float),
 * lists where sizes are known only after running.
 *
 * Doubles are rounded to float32 and float16 inputs, which is what models are made of; any other value that the input's
 * dtype cannot hold (1.5 for int64, 16777217 for float32) is a bad row, as null and a list of another length are.
 *
 * @throws GraphError for a model that cannot be read, or has no such input or tensor; SchemaError for a column that does not
 * fit its input; DataError (code BAD_ROW) for a bad row, unless `onError` is "null".
 * @example
 * const scorer = await OnnxModel.load("scorer.onnx", {
 *   feeds: { input: "features" },
 *   fetches: { logits: "output" },
 *   softmax: { logits: "probability" },
 *   argmax: { logits: "prediction" },
 * });
 * scorer.transform(customers);
 */
export class OnnxModel extends Transformer<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    const model: unknown = values.model;
    if (typeof model === "string") {
      const path = JSON.stringify(model);
      const message = `model must be an Asset (bytes of a model), got ${path}; read a file with await OnnxModel.load(${path}, { feeds, fetches })`;
      throw new ParamError(new.target.name, message, { param: "model" });
    }
    super(params, values);
    const { feeds, fetches, softmax, argmax } = this.params;
    const { inputs } = this.#runner.signature;
    for (const name of Object.keys(feeds)) requireInput(inputs, name, this);
    const missing = inputs.filter(({ name }) => !Object.hasOwn(feeds, name));
    if (missing.length > 0) {
      const message = `feeds lacks ${listNames(missing.map(({ name }) => name))}; the model takes ${describeValues(inputs)}`;
      throw new ParamError(this, message, { param: "feeds" });
    }
    const tensors = Object.values(fetches);
    const twice = tensors.filter((tensor, i) => tensors.indexOf(tensor) < i);
    if (twice.length > 0) throw new ParamError(this, `fetches names ${listNames(twice)} twice; fetch each tensor once`);
    for (const [param, columns] of Object.entries({ softmax, argmax })) {
      const unknown = Object.keys(columns).filter((column) => !Object.hasOwn(fetches, column));
      if (unknown.length === 0) continue;
      const message = `${param} names ${listNames(unknown)}, which is not fetched (${listNames(Object.keys(fetches))} is)`;
      throw new ParamError(this, message, { param });
    }
  }

  /**
   * A stage of a model file or its bytes; data that lies in files beside the model is taken in.
   *
   * @throws DataError or GraphError where the model cannot be read.
   */
  static async load(model: string | Uint8Array, values: Omit<Input<typeof params>, "model">): Promise<OnnxModel> {
    return new OnnxModel({ ...values, model: await assetOf(model) });
  }

  override get readsColumns(): readonly string[] {
    return this.#runner.readsColumns;
  }

  transformSchema(schema: Schema): Schema {
    return this.#runner.after(schema);
  }

  override describe(schema: Schema): string {
    return `batch ${this.#runner.batchRows(schema) ?? "by size"}; ${super.describe(schema)}`;
  }

  open(schema: Schema, context: StageContext): Promise<BatchFunction> {
    return this.#runner.open(schema, context);
  }

  get #runner(): ColumnRunner {
    return new ColumnRunner({ ...this.params, names: { feeds: "feeds", fetches: () => "fetches" } }, this);
  }
}

async function assetOf(model: string | Uint8Array): Promise<Asset> {
  const read = typeof model === "string" ? await readAsset(model) : await toAsset(model);
  if (typeof model !== "string") return read;
  try {
    Graph.fromBytes(read.bytes);
    return read;
  } catch {
    // data beside the model, or no model: the loader with the path takes it in, or says what is wrong
    return toAsset((await Graph.load(model)).toChunks());
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNames(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((name) => typeof name === "string" && name !== "");
}

function isFeed(value: unknown): boolean {
  if (typeof value === "string") return value !== "";
  if (!isRecord(value) || typeof value.column !== "string" || !Array.isArray(value.shape)) return false;
  return value.shape.every((size) => Number.isInteger(size) && size > 0);
}
