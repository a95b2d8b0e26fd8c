/** @file What an engine needs to know of a pipeline stage: its name, its columns, and how to send it to a worker. */

import type { Asset } from "../util/asset.js";
import type { Schema } from "./schema.js";
import type { ColumnType } from "./types.js";

/** A stage as data: what is saved, sent to workers, and opened there again. */
export interface StageSpec {
  /** Class name, as registered. */
  readonly type: string;
  /** Parameters as JSON; an asset stands as `{ "$asset": sha256 }`. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly assets: readonly Asset[];
}

/**
 * A stage that turns batches of rows into batches of rows, each row on its own and in order. It adds columns or gives
 * them other types; a column of the same name and type keeps its values.
 */
export interface BatchStage {
  /** Class name, for messages and plans. */
  readonly name: string;
  /** The columns that come out. @throws SchemaError where the input does not fit. */
  transformSchema(schema: Schema): Schema;
  toSpec(): StageSpec;
  /** Rows that one task should hold at most, where the stage has an opinion (pictures: few). */
  readonly rowsPerTask: number | undefined;
  /** Whether rows may be left out (`handleInvalid: "skip"`); each row gives exactly one row otherwise. */
  readonly dropsRows?: boolean | undefined;
  /** Whether the rows that come out are others than those that came in, so that nothing may move past the stage. */
  readonly makesRows?: boolean | undefined;
  /** Whether it only reads files that the rows name, which is cheaper done again than kept. */
  readonly readsFiles?: boolean | undefined;
  /** Does what must be done before the stage is sent anywhere, such as bundling code. */
  prepare?(): Promise<void>;
  /** The columns it reads, so that others need not be computed or moved; all of them where it does not say. */
  readonly readsColumns?: readonly string[] | undefined;
  /** What explain() shows behind the name, as in `model=efficientnet-lite0, batch 16`. */
  describe(schema: Schema): string;
}

/** A stage from argument columns, in order and whatever their names, to one column: a function that SQL can call. */
export interface FunctionStage extends BatchStage {
  /** The function's name. */
  readonly name: string;
  /** The arguments as they were registered. */
  readonly inputs: Schema;
  readonly result: ColumnType;
  /** For messages, as in `flower(image binary)`. */
  readonly signature: string;
}
