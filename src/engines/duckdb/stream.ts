/** @file The rows of a query as Arrow batches, read from DuckDB chunk by chunk, never as a whole. */

import type { DuckDBType } from "@duckdb/node-api";
import type * as arrow from "apache-arrow";
import type { Schema } from "../../data/schema.js";
import { internal } from "../../errors.js";
import { makeHeapRoom } from "../../runtime/heap-room.js";
import { Turns } from "../../util/turns.js";
import { BatchBuilder } from "./batch-builder.js";
import type { Database } from "./database.js";
import { translate } from "./translate.js";
import { duckTypeName, isCanonical } from "./types.js";

/** Rows and bytes at which a batch is given out. */
export interface BatchSize {
  readonly rows: number;
  readonly bytes: number;
}

export const defaultSize: BatchSize = { rows: 16_384, bytes: 1 << 22 };

/** Bytes copied before the event loop may get a turn. */
const pieceBytes = 1 << 20;

/** Streams a query whose columns are in the form of {@link duckTypeName}. The batches' buffers belong to the receiver. */
export async function* streamQuery(
  database: Database,
  sql: string,
  schema: Schema,
  size: BatchSize,
  signal?: AbortSignal,
): AsyncGenerator<arrow.RecordBatch, void, undefined> {
  signal?.throwIfAborted();
  const connection = await database.connect();
  const giveBack = makeHeapRoom();
  const interrupt = () => connection.interrupt();
  signal?.addEventListener("abort", interrupt, { once: true });
  try {
    const result = await database.running(sql, () => connection.stream(sql));
    const types = schema.fields.map(({ type }) => duckTypeName(type));
    result.columnTypes().forEach((type, i) => {
      // reading vectors as another type would read foreign memory
      if (!isCanonical(type) || nameOf(type) !== nameOf(types[i]!))
        throw internal(`column ${i} is ${type}, expected ${types[i]}`);
    });
    const builder = new BatchBuilder(schema);
    const turns = new Turns();
    for (;;) {
      const chunk = await database.running(sql, () => result.fetchChunk());
      signal?.throwIfAborted();
      const rows = chunk?.rowCount ?? 0;
      if (chunk === null || rows === 0) break;
      // rows of a chunk with long values are added few at a time, so that a batch stays near its size
      for (let from = 0; from < rows; ) {
        await turns.give();
        const bytes = Math.min(size.bytes, builder.bytes + pieceBytes);
        const count = Math.min(rows - from, size.rows - builder.rows, builder.rowsWithin(bytes));
        builder.append(chunk.chunk, from, count);
        from += count;
        if (builder.rows >= size.rows || builder.bytes >= size.bytes) yield builder.finish();
      }
    }
    if (builder.rows > 0) yield builder.finish();
  } catch (error) {
    signal?.throwIfAborted();
    throw translate(error, "DuckDB", schema.names);
  } finally {
    giveBack();
    signal?.removeEventListener("abort", interrupt);
    database.release(connection);
  }
}

/** A type's name without quotes and the nesting of arrays, which lie in memory as flat ones do. */
function nameOf(type: DuckDBType | string): string {
  return String(type)
    .replaceAll('"', "")
    .replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
    .replace(
      /(\[\d+\])+/g,
      (sizes) => `[${[...sizes.matchAll(/\d+/g)].reduce((size, [text]) => size * Number(text), 1)}]`,
    );
}
