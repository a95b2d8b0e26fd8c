/** @file OnnxModel: any ONNX model as a stage: columns in, columns out. */

import type { RecordBatch } from "apache-arrow";
import { type Column, dataOf, stringColumn, withColumns } from "../../data/columns.js";
import type { Schema } from "../../data/schema.js";
import { DataError, GraphError, listNames, ParamError } from "../../errors.js";
import { Graph } from "../../graph/graph.js";
import { type BatchFunction, type StageContext, Transformer } from "../../pipeline/stage.js";
import { devices } from "../../runtime/device.js";
import { readAsset, toAsset } from "../../runtime/load-asset.js";
import { openSession } from "../../runtime/session.js";
import type { DType } from "../../tensor/dtype.js";
import { bytesPerElement } from "../../tensor/dtype.js";
import { Tensor } from "../../tensor/tensor.js";
import type { Asset } from "../../util/asset.js";
import { asset, choice, defineParams, type Input, integer, json, optional } from "../../util/params.js";
import { argmaxColumn, argmaxType, softmaxColumn, softmaxType } from "./classify.js";
import { type Feed, type FeedPlan, planFeed } from "./feed.js";
import { type FeedData, readFeed } from "./read-feed.js";
import { type FetchPlan, Gathered, planFetch } from "./results.js";
import { describeValues, requireInput, type Signature, signatureOf } from "./signature.js";

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

interface Plan {
  readonly feeds: readonly FeedPlan[];
  readonly fetches: readonly (readonly [column: string, plan: FetchPlan])[];
  readonly after: Schema;
}

/** Bytes fed in one run where batchSize does not say. */
const feedBytes = 2 ** 20;
const mostRows = 4096;

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
    super(params, values);
    const { feeds, fetches, softmax, argmax } = this.params;
    const { inputs } = this.#signature();
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
    return Object.values(this.params.feeds).map((feed) => (typeof feed === "string" ? feed : feed.column));
  }

  transformSchema(schema: Schema): Schema {
    return this.#plan(schema).after;
  }

  override describe(schema: Schema): string {
    const { feeds } = this.#plan(schema);
    return `batch ${this.#batchRows(feeds) ?? "by size"}; ${super.describe(schema)}`;
  }

  async open(schema: Schema, context: StageContext): Promise<BatchFunction> {
    const plan = this.#plan(schema);
    const session = await openSession(this.#signature().source, { name: this.name, device: this.params.device });
    return async (batch) => {
      const errors = new Array<string | null>(batch.numRows).fill(null);
      const fed = plan.feeds.map((feed) => ({ feed, ...this.#read(batch, feed, errors) }));
      const results = plan.fetches.map(([, fetch]) => new Gathered(fetch, batch.numRows, this));
      const fetches = plan.fetches.map(([, { tensor }]) => tensor);
      const size = this.#batchRows(plan.feeds) ?? rowsFor(fed);
      for (let from = 0; from < batch.numRows; from += size) {
        const rows = Math.min(size, batch.numRows - from);
        const taken = this.#fixedBatch(plan.feeds) ?? rows;
        const feeds = fed.map(({ feed, ...part }) => [feed.input, slice(part, feed.dtype, from, rows, taken)] as const);
        const outputs = await session.run(Object.fromEntries(feeds), { fetches });
        for (const [i, gathered] of results.entries()) gathered.add(outputs[fetches[i]!]!, taken, rows);
      }
      return withColumns(batch, this.#columns(plan, results, errors, context));
    };
  }

  #signature(): Signature {
    return signatureOf(this.params.model, Object.values(this.params.fetches), this);
  }

  #plan(schema: Schema): Plan {
    const { inputs, outputs } = this.#signature();
    const { softmax, argmax, onError } = this.params;
    const feeds = inputs.map((input) => planFeed(schema, this.params.feeds[input.name]!, input, inputs, this));
    const batches = new Set(feeds.flatMap(({ fixedBatch }) => fixedBatch ?? []));
    if (batches.size > 1) {
      throw new GraphError(
        this,
        `the model's inputs have different fixed batches: ${describeValues(inputs)}; feed one table only`,
      );
    }
    const sizes = new Map(feeds.flatMap((feed) => [...feed.sizes]));
    const planned = new Map(outputs.map((output) => [output.name, planFetch(output, sizes, this)]));
    const fetches = Object.entries(this.params.fetches).map(
      ([column, tensor]) => [column, planned.get(tensor)!] as const,
    );
    let after = fetches.reduce((before, [column, { type }]) => before.with(column, type, this, "fetches"), schema);
    const plans = new Map(fetches);
    for (const [column, added] of Object.entries(softmax)) {
      after = after.with(added, softmaxType(plans.get(column)!, column, this), this, "softmax");
    }
    for (const [column, added] of Object.entries(argmax)) {
      after = after.with(added, argmaxType(plans.get(column)!, column, this), this, "argmax");
    }
    if (onError === "null") after = after.with(`${fetches[0]![0]}_error`, "string", this, "fetches");
    return { feeds, fetches, after };
  }

  #read(batch: RecordBatch, feed: FeedPlan, errors: (string | null)[]): FeedData {
    return readFeed(dataOf(batch, feed.column), feed, (row, reason) => {
      if (this.params.onError === "fail") {
        const message = `row ${row} of column "${feed.column}" ${reason}; fill or drop it, or set onError: "null"`;
        throw new DataError(this, message, { code: "BAD_ROW", row, column: feed.column });
      }
      errors[row] ??= `column "${feed.column}" ${reason}`;
    });
  }

  #columns({ fetches, after }: Plan, results: readonly Gathered[], errors: (string | null)[], context: StageContext) {
    const { softmax, argmax, onError } = this.params;
    const bad = errors.filter((error) => error !== null).length;
    const valid = bad > 0 ? (row: number) => errors[row] === null : undefined;
    const at = new Map(fetches.map(([column, plan], i) => [column, { plan, gathered: results[i]! }]));
    const added: [string, Column][] = fetches.map(([column], i) => [column, results[i]!.column(valid)]);
    for (const [column, name] of Object.entries(softmax)) {
      const { plan, gathered } = at.get(column)!;
      added.push([name, softmaxColumn(plan, gathered, after.typeOf(name)!, valid)]);
    }
    for (const [column, name] of Object.entries(argmax)) {
      const { plan, gathered } = at.get(column)!;
      added.push([name, argmaxColumn(plan, gathered, after.typeOf(name)!, valid)]);
    }
    if (onError === "null") added.push([`${fetches[0]![0]}_error`, stringColumn(errors)]);
    if (bad > 0) context.warn(`${bad} of ${errors.length} rows could not be fed; see column "${fetches[0]![0]}_error"`);
    return Object.fromEntries(added);
  }

  #fixedBatch(feeds: readonly FeedPlan[]): number | undefined {
    return feeds.find(({ fixedBatch }) => fixedBatch !== undefined)?.fixedBatch;
  }

  #batchRows(feeds: readonly FeedPlan[]): number | undefined {
    return this.#fixedBatch(feeds) ?? this.params.batchSize;
  }
}

/** Rows of one run by the size of what is fed. */
function rowsFor(fed: readonly (FeedData & { readonly feed: FeedPlan })[]): number {
  const bytes = fed.reduce((sum, { feed, width }) => {
    return sum + width * (feed.dtype === "string" ? 64 : bytesPerElement(feed.dtype as Exclude<DType, "string">));
  }, 0);
  return Math.max(1, Math.min(mostRows, Math.floor(feedBytes / Math.max(bytes, 1))));
}

/** Some rows as a tensor; padding repeats the first of them. */
function slice({ data, rowShape, width }: FeedData, dtype: DType, from: number, rows: number, taken: number): Tensor {
  const part = Array.isArray(data)
    ? data.slice(from * width, (from + rows) * width)
    : data.subarray(from * width, (from + rows) * width);
  const shape = [taken, ...rowShape];
  if (taken === rows) return new Tensor(dtype, part, shape);
  const padded = Tensor.zeros(dtype, shape);
  const values = padded.data as { [index: number]: unknown };
  for (let i = 0; i < taken * width; i++) values[i] = part[i < part.length ? i : i % width];
  return padded;
}

async function assetOf(model: string | Uint8Array): Promise<Asset> {
  const read = typeof model === "string" ? await readAsset(model) : await toAsset(model);
  if (typeof model !== "string") return read;
  try {
    Graph.fromBytes(read.bytes);
    return read;
  } catch {
    // data beside the model, or no model: the loader with the path takes it in, or says what is wrong
    return toAsset((await Graph.load(model)).toBytes());
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
