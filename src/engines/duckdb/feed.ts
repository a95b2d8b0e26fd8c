/** @file Batches of this process as tables that SQL reads: DuckDB's threads ask for rows, this one only copies them over. */

import {
  BIGINT,
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBTableFunction,
  type DuckDBTableFunctionInfo,
  type DuckDBType,
  INTEGER,
} from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import type * as arrow from "apache-arrow";
import { internal, messageOf } from "../../errors.js";
import { nullRow, writeColumn } from "./from-arrow.js";
import { quoteName } from "./quote.js";

const waitColumn = "__deepframe_wait";

/** Milliseconds that DuckDB sleeps where no row has come yet. */
const nap = 2;

/** Bytes of batches that wait for DuckDB. */
const queueBytes = 1 << 24;

const vectorSize = duckdb.vector_size();

/** Names and DuckDB types of a table's columns, in the form of {@link duckTypeName}. */
export interface FeedColumns {
  readonly names: readonly string[];
  readonly types: readonly DuckDBType[];
}

/** The tables of one database. */
export class Feeds {
  readonly #feeds = new Map<bigint, Feed>();
  #lastId = 0n;

  readonly #functionName: string;

  /**
   * @param connection of the database; others of the same database see the tables too
   * @param functionName of the table function, which must be new to the database
   */
  constructor(connection: DuckDBConnection, functionName: string) {
    this.#functionName = functionName;
    connection.registerTableFunction(
      DuckDBTableFunction.create({
        name: functionName,
        parameterTypes: [BIGINT],
        supportsProjectionPushdown: true,
        bindFunction: (info) => {
          const feed = this.#feeds.get(info.getParameter(0) as bigint);
          if (feed === undefined) {
            info.setError("internal: the feed has ended");
            return;
          }
          feed.columns.names.forEach((name, i) => {
            info.addResultColumn(name, feed.columns.types[i]!);
          });
          info.addResultColumn(waitColumn, INTEGER);
          info.setBindData(feed);
        },
        initFunction: (info) => {
          const feed = info.bindData as Feed;
          if (!feed.begin()) info.setError("internal: the feed is read twice");
          info.setInitData({ feed, columns: info.getColumnIndexes(), batch: 0, row: 0 } satisfies Scan);
        },
        mainFunction: give,
      }),
    );
  }

  /** A table of these batches, which can be read many times. */
  ofBatches(columns: FeedColumns, batches: readonly arrow.RecordBatch[]): Feed {
    return this.#add(new Feed(++this.#lastId, this.#functionName, columns, batches));
  }

  /** A table of batches still to come, read once. */
  live(columns: FeedColumns): Feed {
    return this.#add(new Feed(++this.#lastId, this.#functionName, columns, undefined));
  }

  remove(feed: Feed): void {
    this.#feeds.delete(feed.id);
    feed.end();
  }

  #add(feed: Feed): Feed {
    this.#feeds.set(feed.id, feed);
    return feed;
  }
}

export class Feed {
  readonly id: bigint;
  readonly columns: FeedColumns;
  /** Batches, all of them or those that wait to be read. */
  readonly batches: arrow.RecordBatch[];
  readonly isLive: boolean;
  /** What made the feed end, where that was a failure. */
  error: unknown;
  ended: boolean;
  readonly #functionName: string;
  #begun = false;
  #bytes = 0;
  #wake: (() => void) | undefined;

  constructor(
    id: bigint,
    functionName: string,
    columns: FeedColumns,
    batches: readonly arrow.RecordBatch[] | undefined,
  ) {
    this.id = id;
    this.#functionName = functionName;
    this.columns = columns;
    this.batches = [...(batches ?? [])];
    this.isLive = batches === undefined;
    this.ended = !this.isLive;
  }

  /** The table in SQL. */
  get sql(): string {
    const from = `${this.#functionName}(${this.id})`;
    const list = this.columns.names.map(quoteName).join(", ");
    if (!this.isLive) return `(SELECT ${list} FROM ${from})`;
    // a row that stands for "not yet" puts the thread that reads it to sleep, and is left out
    return `(SELECT ${list} FROM ${from} WHERE ${waitColumn} = 0 OR sleep_ms(${waitColumn}) IS NOT NULL)`;
  }

  /** Resolves when there is room for another batch. */
  async push(batch: arrow.RecordBatch): Promise<void> {
    this.batches.push(batch);
    this.#bytes += batch.data.byteLength;
    while (this.#bytes >= queueBytes && !this.ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  end(error?: unknown): void {
    this.error ??= error;
    this.ended = true;
    this.#wake?.();
  }

  /** Whether one more reader may begin. */
  begin(): boolean {
    const may = !this.isLive || !this.#begun;
    this.#begun = true;
    return may;
  }

  /** The first batch has been read. */
  shift(): void {
    this.#bytes -= this.batches.shift()?.data.byteLength ?? 0;
    this.#wake?.();
  }
}

/** One reader's place. */
interface Scan {
  readonly feed: Feed;
  /** Which columns are wanted, the wait column being the last. */
  readonly columns: readonly number[];
  batch: number;
  row: number;
}

function give(info: DuckDBTableFunctionInfo, output: DuckDBDataChunk): void {
  const scan = info.initData as Scan;
  const { feed } = scan;
  try {
    let batch = feed.batches[scan.batch];
    while (batch !== undefined && scan.row >= batch.numRows) {
      if (feed.isLive) feed.shift();
      else scan.batch++;
      scan.row = 0;
      batch = feed.batches[scan.batch];
    }
    if (batch !== undefined) copyRows(scan, batch, output);
    else if (feed.error !== undefined) throw feed.error;
    else if (feed.ended) output.rowCount = 0;
    else askToWait(scan, output);
  } catch (error) {
    output.rowCount = 0;
    info.setError(messageOf(error));
  }
}

function copyRows(scan: Scan, batch: arrow.RecordBatch, output: DuckDBDataChunk): void {
  // a chunk of wide rows would be too large to hold
  const perRow = Math.max(1, batch.data.byteLength / batch.numRows);
  const most = Math.max(1, Math.min(vectorSize, Math.floor((1 << 24) / perRow)));
  const count = Math.min(most, batch.numRows - scan.row);
  output.rowCount = count;
  scan.columns.forEach((column, i) => {
    const vector = duckdb.data_chunk_get_vector(output.chunk, i);
    const data = batch.data.children[column];
    if (data !== undefined) writeColumn(vector, data, scan.row, count);
    else copyNumbers(vector, new Int32Array(count));
  });
  scan.row += count;
}

function askToWait(scan: Scan, output: DuckDBDataChunk): void {
  output.rowCount = 1;
  const isAsked = scan.columns.includes(scan.feed.columns.names.length);
  if (!isAsked) throw internal("a feed that waits is read without its wait column");
  scan.columns.forEach((column, i) => {
    const vector = duckdb.data_chunk_get_vector(output.chunk, i);
    if (column < scan.feed.columns.names.length) nullRow(vector);
    else copyNumbers(vector, Int32Array.of(nap));
  });
}

function copyNumbers(vector: duckdb.Vector, numbers: Int32Array<ArrayBuffer>): void {
  duckdb.copy_data_to_vector(vector, 0, numbers.buffer, 0, numbers.byteLength);
}
