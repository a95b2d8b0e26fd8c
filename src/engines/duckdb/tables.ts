/** @file Temporary tables: rows of this process and of stages, put where SQL can reach them and where they may spill to disk. */

import type { DuckDBAppender } from "@duckdb/node-api";
import type * as arrow from "apache-arrow";
import type { Schema } from "../../data/schema.js";
import type { Database, ScratchTable } from "./database.js";
import { appendBatch } from "./from-arrow.js";
import { quoteName } from "./quote.js";
import { duckTypeName } from "./types.js";

/** Bytes after which appended rows are handed over to the table; a handover blocks the thread while it copies. */
const flushBytes = 1 << 22;

/** A new table with the batches' rows in their order. On failure nothing is left. */
export async function fillTable(
  database: Database,
  schema: Schema,
  batches: AsyncIterable<arrow.RecordBatch> | Iterable<arrow.RecordBatch>,
): Promise<ScratchTable> {
  const table = database.newTable();
  const columns = schema.fields.map(({ name, type }) => `${quoteName(name)} ${duckTypeName(type)}`);
  await database.run(`CREATE TABLE ${table.sql} (${columns.join(", ")})`);
  const connection = await database.connect();
  let appender: DuckDBAppender | undefined;
  try {
    appender = await connection.createAppender(table.table, "main", table.database);
    const types = schema.fields.map((_, i) => appender!.columnType(i));
    let bytes = 0;
    for await (const batch of batches) {
      bytes += appendBatch(appender, types, batch);
      if (bytes < flushBytes) continue;
      appender.flushSync();
      bytes = 0;
    }
    appender.closeSync();
  } catch (error) {
    appender?.clear();
    database.release(connection);
    await database.dropTable(table).catch(() => {});
    throw error;
  }
  database.release(connection);
  return table;
}

/** A new table with the rows of a query. */
export async function tableOfQuery(database: Database, sql: string): Promise<ScratchTable> {
  const table = database.newTable();
  await database.run(`CREATE TABLE ${table.sql} AS ${sql}`);
  return table;
}
