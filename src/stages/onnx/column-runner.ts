/** @file ColumnRunner: a model run on the columns of batches: rows read, checked and fed, results as columns. */

import type { RecordBatch } from "apache-arrow";
import { type Column, stringColumn, withColumns } from "../../data/columns.js";
import { dataOf } from "../../data/read-columns.js";
import type { Schema } from "../../data/schema.js";
import { DataError, GraphError, type Who } from "../../errors.js";
import type { BatchFunction, StageContext } from "../../pipeline/stage.js";
import type { Device } from "../../runtime/device.js";
import { openSession } from "../../runtime/session.js";
import type { DType } from "../../tensor/dtype.js";
import { bytesPerElement } from "../../tensor/dtype.js";
import { Tensor } from "../../tensor/tensor.js";
import type { Asset } from "../../util/asset.js";
import { argmaxColumn, argmaxType, softmaxColumn, softmaxType } from "./classify.js";
import { type Feed, type FeedPlan, planFeed } from "./feed.js";
import { type FeedData, isRowOfTable, readFeed } from "./read-feed.js";
import { type FetchPlan, Gathered, planFetch } from "./results.js";
import { describeValues, type Signature, signatureOf } from "./signature.js";

/** What of a stage's parameters says how its model is run. */
export interface RunnerOptions {
  readonly model: Asset;
  /** Column of each input. */
  readonly feeds: Readonly<Record<string, Feed>>;
  /** Tensor of each column to add. */
  readonly fetches: Readonly<Record<string, string>>;
  readonly softmax?: Readonly<Record<string, string>>;
  readonly argmax?: Readonly<Record<string, string>>;
  readonly batchSize: number | undefined;
  readonly device: Device;
  readonly onError: "fail" | "null";
  /** Whether numbers that are fed must be finite; a model of a file may know what to do with NaN. */
  readonly finite?: boolean;
  /** Rows of the table that an input's numbers look up, by the input's name. */
  readonly tables?: Readonly<Record<string, number>>;
  /** Parameters that messages name; for what is fetched, that which names the column of a tensor. */
  readonly names: { readonly feeds: string; readonly fetches: (tensor: string) => string };
}

interface Plan {
  readonly feeds: readonly FeedPlan[];
  readonly fetches: readonly (readonly [column: string, plan: FetchPlan])[];
  readonly after: Schema;
}

/** Bytes fed in one run where batchSize does not say. */
const feedBytes = 2 ** 20;
const mostRows = 4096;

export class ColumnRunner {
  readonly #options: RunnerOptions;
  readonly #who: Who & { readonly name: string };

  constructor(options: RunnerOptions, who: Who & { readonly name: string }) {
    this.#options = options;
    this.#who = who;
  }

  get signature(): Signature {
    return signatureOf(this.#options.model, Object.values(this.#options.fetches), this.#who);
  }

  /** Columns that feed the model. */
  get readsColumns(): readonly string[] {
    return Object.values(this.#options.feeds).map((feed) => (typeof feed === "string" ? feed : feed.column));
  }

  /** The schema with the columns that are added. @throws SchemaError where a column does not fit its input */
  after(schema: Schema): Schema {
    return this.#plan(schema).after;
  }

  /** Rows of one run; undefined where their size decides. */
  batchRows(schema: Schema): number | undefined {
    return this.#batchRows(this.#plan(schema).feeds);
  }

  async open(schema: Schema, context: StageContext): Promise<BatchFunction> {
    const plan = this.#plan(schema);
    const session = await openSession(this.signature.source, { name: this.#who.name, device: this.#options.device });
    return async (batch) => {
      const errors = new Array<string | null>(batch.numRows).fill(null);
      const fed = plan.feeds.map((feed) => ({ feed, ...this.#read(batch, feed, errors) }));
      const results = plan.fetches.map(([, fetch]) => new Gathered(fetch, batch.numRows, this.#who));
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

  #plan(schema: Schema): Plan {
    const { inputs, outputs } = this.signature;
    const { softmax = {}, argmax = {}, onError, names } = this.#options;
    const feeds = inputs.map((input) =>
      planFeed(schema, this.#options.feeds[input.name]!, input, inputs, this.#who, names.feeds),
    );
    const batches = new Set(feeds.flatMap(({ fixedBatch }) => fixedBatch ?? []));
    if (batches.size > 1) {
      throw new GraphError(
        this.#who,
        `the model's inputs have different fixed batches: ${describeValues(inputs)}; feed one table only`,
      );
    }
    const sizes = new Map(feeds.flatMap((feed) => [...feed.sizes]));
    const planned = new Map(outputs.map((output) => [output.name, planFetch(output, sizes, this.#who)]));
    const fetches = Object.entries(this.#options.fetches).map(
      ([column, tensor]) => [column, planned.get(tensor)!] as const,
    );
    let after = fetches.reduce(
      (before, [column, { tensor, type }]) => before.with(column, type, this.#who, names.fetches(tensor)),
      schema,
    );
    const plans = new Map(fetches);
    for (const [column, added] of Object.entries(softmax)) {
      after = after.with(added, softmaxType(plans.get(column)!, column, this.#who), this.#who, "softmax");
    }
    for (const [column, added] of Object.entries(argmax)) {
      after = after.with(added, argmaxType(plans.get(column)!, column, this.#who), this.#who, "argmax");
    }
    if (onError === "null") {
      const [column, { tensor }] = fetches[0]!;
      after = after.with(`${column}_error`, "string", this.#who, names.fetches(tensor));
    }
    return { feeds, fetches, after };
  }

  #read(batch: RecordBatch, feed: FeedPlan, errors: (string | null)[]): FeedData {
    const fail = (row: number, reason: string) => {
      if (this.#options.onError === "fail") {
        const message = `row ${row} of column "${feed.column}" ${reason}; fill or drop it, or set onError: "null"`;
        throw new DataError(this.#who, message, { code: "BAD_ROW", row, column: feed.column });
      }
      errors[row] ??= `column "${feed.column}" ${reason}`;
    };
    const read = readFeed(dataOf(batch, feed.column), feed, fail);
    const { data, width } = read;
    const table = this.#options.tables?.[feed.input];
    if (table !== undefined) return { ...read, data: placesIn(table, read, fail) };
    if (this.#options.finite && data instanceof Float32Array) {
      for (let i = 0; i < data.length; i++) {
        if (!Number.isFinite(data[i])) fail(Math.floor(i / width), `holds ${data[i]}, which no network was trained on`);
      }
    }
    return read;
  }

  #columns({ fetches, after }: Plan, results: readonly Gathered[], errors: (string | null)[], context: StageContext) {
    const { softmax = {}, argmax = {}, onError } = this.#options;
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
    return added;
  }

  #fixedBatch(feeds: readonly FeedPlan[]): number | undefined {
    return feeds.find(({ fixedBatch }) => fixedBatch !== undefined)?.fixedBatch;
  }

  #batchRows(feeds: readonly FeedPlan[]): number | undefined {
    return this.#fixedBatch(feeds) ?? this.#options.batchSize;
  }
}

/** Rows of one run by the size of what is fed. */
function rowsFor(fed: readonly (FeedData & { readonly feed: FeedPlan })[]): number {
  const bytes = fed.reduce((sum, { feed, width }) => {
    return sum + width * (feed.dtype === "string" ? 64 : bytesPerElement(feed.dtype as Exclude<DType, "string">));
  }, 0);
  return Math.max(1, Math.min(mostRows, Math.floor(feedBytes / Math.max(bytes, 1))));
}

/** Numbers that look up rows of a table. A number that names none becomes 0: it would end the run for all rows. */
function placesIn(table: number, { data, width }: FeedData, fail: (row: number, reason: string) => void) {
  const places = data.slice();
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number | bigint;
    if (isRowOfTable(value, table)) continue;
    fail(Math.floor(i / width), `holds ${value}, but the network knows whole numbers from 0 to ${table - 1}`);
    places[i] = typeof value === "bigint" ? 0n : 0;
  }
  return places;
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
