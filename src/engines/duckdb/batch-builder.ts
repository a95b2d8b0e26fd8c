/** @file DuckDB result chunks as Arrow batches. */

import duckdb from "@duckdb/node-bindings";
import * as arrow from "apache-arrow";
import { toArrowSchema } from "../../data/arrow-types.js";
import type { Schema } from "../../data/schema.js";
import { type Column, columnOf } from "./to-arrow.js";

/** Gathers rows of chunks and gives them out as one batch whose buffers belong to nobody else. */
export class BatchBuilder {
  readonly #arrowSchema: arrow.Schema;
  readonly #columns: readonly Column[];
  #rows = 0;
  /** Rows and bytes given out before. */
  #rowsBefore = 0;
  #bytesBefore = 0;

  /** @param schema of chunks in the form of {@link duckTypeName} */
  constructor(schema: Schema) {
    this.#arrowSchema = toArrowSchema(schema);
    this.#columns = schema.fields.map(({ type }) => columnOf(type));
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#columns.reduce((sum, column) => sum + column.bytes, 0);
  }

  /** How many more rows, as large as those seen so far, make up `bytes`; at least one. */
  rowsWithin(bytes: number): number {
    const rows = this.#rows + this.#rowsBefore;
    if (rows === 0) return 16;
    const perRow = Math.max(1, (this.bytes + this.#bytesBefore) / rows);
    return Math.max(1, Math.ceil((bytes - this.bytes) / perRow));
  }

  /** Adds rows `from` to `from + count` of a chunk. */
  append(chunk: duckdb.DataChunk, from: number, count: number): void {
    this.#columns.forEach((column, i) => {
      column.append(duckdb.data_chunk_get_vector(chunk, i), from, count);
    });
    this.#rows += count;
  }

  /** The rows so far; the builder is empty again. */
  finish(): arrow.RecordBatch {
    this.#rowsBefore += this.#rows;
    this.#bytesBefore += this.bytes;
    const children = this.#columns.map((column) => column.finish());
    const type = new arrow.Struct(this.#arrowSchema.fields);
    const data = arrow.makeData({ type, length: this.#rows, nullCount: 0, children });
    this.#rows = 0;
    return new arrow.RecordBatch(this.#arrowSchema, data);
  }
}
