/** @file Stage, Transformer, Estimator, Model: immutable values made of parameters. */

import type { RecordBatch } from "apache-arrow";
import type { BatchStage, StageSpec } from "../data/batch-stage.js";
import type { DataFrame } from "../data/dataframe.js";
import { describe } from "../data/expect.js";
import { batchToRows, inferSchema, type Row, rowsToBatch } from "../data/rows.js";
import type { Schema } from "../data/schema.js";
import { formatType } from "../data/types.js";
import { ParamError } from "../errors.js";
import type { Asset } from "../util/asset.js";
import { checkParams } from "../util/check-params.js";
import type { Input, ParamSpecs, Values } from "../util/params.js";
import { type SaveOptions, saveStage } from "./save.js";

/** What an opened stage does to each batch. It may drop rows, but never reorders them. */
export type BatchFunction = (batch: RecordBatch) => RecordBatch | Promise<RecordBatch>;

/** What an opened stage may ask of the place it runs in. */
export interface StageContext {
  /** Tells the user something that is no error, such as the number of bad rows. */
  warn(message: string): void;
  /**
   * Room for bytes of a column, which hold anything; used again when the batch at hand has left the chain. Absent where
   * others may hold on to columns.
   */
  room?(length: number): Uint8Array;
}

export interface FitOptions {
  /**
   * Stops the fit; it rejects with the signal's reason, or, after the first step of learning, with a TrainingError whose `model` is
   * what was learned.
   */
  readonly signal?: AbortSignal | undefined;
}

/** Anything with parameters that can stand in a Pipeline. */
export abstract class Stage<P extends ParamSpecs = ParamSpecs> {
  /** How each parameter is declared. */
  readonly specs: P;
  /** Checked values, defaults filled in. */
  readonly params: Values<P>;

  /** @throws ParamError for an unknown, missing or wrong parameter. */
  constructor(specs: P, values: Input<P>) {
    this.params = checkParams(new.target.name, specs, values);
    this.specs = specs;
  }

  get name(): string {
    return this.constructor.name;
  }

  /** A copy with some parameters changed. */
  with(values: Partial<Input<P>>): this {
    const Class = this.constructor as new (values: object) => this;
    return new Class({ ...this.params, ...values });
  }

  /** The columns that come out. @throws SchemaError where the input does not fit. */
  abstract transformSchema(schema: Schema): Schema;

  /** {@link transformSchema} where it may take an engine to tell, as for SqlTransformer. */
  async schemaAfter(schema: Schema): Promise<Schema> {
    return this.transformSchema(schema);
  }

  /** Does what must be done before {@link toSpec}, where there is such a thing. */
  prepare?(): Promise<void>;

  /** The stage as data: type, parameters as JSON, assets. */
  toSpec(): StageSpec {
    const assets = new Map<string, Asset>();
    const entries = Object.entries(this.specs).map(([name, spec]): [string, unknown] => {
      const value = (this.params as Record<string, unknown>)[name];
      return [name, spec.encode ? spec.encode(value, assets) : value];
    });
    return { type: this.name, params: Object.fromEntries(entries), assets: [...assets.values()] };
  }

  /**
   * Writes the stage to a new folder: `stage.json` and its assets, all or nothing.
   *
   * @throws DataError where something is at the path already and `overwrite` is not set.
   */
  async save(path: string, options: SaveOptions = {}): Promise<void> {
    await this.prepare?.();
    await saveStage(this.toSpec(), path, options);
  }
}

/** A stage that turns rows into rows. */
export abstract class Transformer<P extends ParamSpecs = ParamSpecs> extends Stage<P> implements BatchStage {
  readonly #opened = new Map<string, Promise<BatchFunction>>();

  /** Prepares the work on batches with this schema; called once per worker, in the worker. */
  abstract open(schema: Schema, context: StageContext): BatchFunction | Promise<BatchFunction>;

  get rowsPerTask(): number | undefined {
    return undefined;
  }

  /** Whether rows may be left out, as `handleInvalid: "skip"` does. */
  get dropsRows(): boolean {
    return (this.params as { readonly handleInvalid?: unknown }).handleInvalid === "skip";
  }

  /** The columns it reads, so that others need not be computed or moved for it; all where it does not say. */
  get readsColumns(): readonly string[] | undefined {
    return undefined;
  }

  /** The rows with this stage's columns added; lazy. @throws SchemaError where columns are known and do not fit. */
  transform(df: DataFrame): DataFrame {
    // asked for its method: threads load stages without DataFrames
    if (typeof df?.withStage !== "function") {
      const advice = "make one with session.createDataFrame(rows), or call predictMany(rows)";
      throw new ParamError(this, `transform takes a DataFrame, got ${describe(df)}; ${advice}`);
    }
    return df.withStage(this);
  }

  describe(schema: Schema): string {
    const after = this.transformSchema(schema);
    const added = after.fields.filter(({ name, type }) => {
      const before = schema.typeOf(name);
      return before === undefined || formatType(before) !== formatType(type);
    });
    return added.map(({ name, type }) => `${name}: ${formatType(type)}`).join(", ");
  }

  /**
   * The answer for one row, without an engine. Inputs that only training needs (the label) may be left out.
   *
   * @example
   * const { prediction, probability } = await model.predictOne({ image: bytes });
   */
  async predictOne(row: Row): Promise<Record<string, unknown>> {
    const [answer] = await this.predictMany([row]);
    return answer!;
  }

  /** The answers for several rows, in order, without an engine. */
  async predictMany(rows: readonly Row[]): Promise<Record<string, unknown>[]> {
    if (rows?.length === 0) return [];
    const schema = inferSchema(rows, this.name);
    const key = JSON.stringify(schema);
    let opened = this.#opened.get(key);
    if (opened === undefined) {
      const context: StageContext = { warn: (message) => process.emitWarning(message, "DeepframeWarning") };
      opened = this.schemaAfter(schema).then(() => this.open(schema, context));
      // a failed opening must not be kept: the cause may pass
      opened.catch(() => this.#opened.delete(key));
      this.#opened.set(key, opened);
    }
    const apply = await opened;
    return batchToRows(await apply(rowsToBatch(rows, schema, this.name)));
  }
}

/** A stage that learns from rows and gives a Model. It never changes itself. */
export abstract class Estimator<
  P extends ParamSpecs = ParamSpecs,
  M extends Transformer = Transformer,
> extends Stage<P> {
  /** Learns from the rows. The training data is never collected to this process's heap as a whole. */
  abstract fit(df: DataFrame, options?: FitOptions): Promise<M>;
}

/** A Transformer whose parameters were learned. */
export abstract class Model<P extends ParamSpecs = ParamSpecs> extends Transformer<P> {}
