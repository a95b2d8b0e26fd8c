/** @file df.write: rows into files. */

import { ParamError } from "../errors.js";
import type { Engine, WriteOptions } from "./engine.js";
import { expectCount, expectText } from "./expect.js";
import type { Plan } from "./plan.js";

export interface SaveOptions {
  /** Replace what is at the path; without it, something there is an error. */
  readonly overwrite?: boolean;
  readonly signal?: AbortSignal;
}

export interface ParquetOptions extends SaveOptions {
  readonly compression?: "zstd" | "snappy" | "gzip" | "uncompressed";
  readonly rowGroupSize?: number;
}

export interface CsvWriteOptions extends SaveOptions {
  /** Whether the first line holds the columns' names. Default true. */
  readonly header?: boolean;
  readonly delimiter?: string;
}

/**
 * Writes one file per call; the path holds either the whole of it or what it held before.
 *
 * @example await predictions.write.parquet("predictions.parquet", { overwrite: true });
 */
export class DataFrameWriter {
  readonly #engine: Engine;
  readonly #plan: Plan;

  constructor(engine: Engine, plan: Plan) {
    this.#engine = engine;
    this.#plan = plan;
  }

  /** @throws DataError where something is at the path already and `overwrite` is not set. */
  parquet(path: string, options: ParquetOptions = {}): Promise<void> {
    return this.#write("parquet", path, options);
  }

  /** With a header line unless told otherwise; compressed where the name ends in .gz or .zst; lists, structs and bytes are written as text. */
  csv(path: string, options: CsvWriteOptions = {}): Promise<void> {
    return this.#write("csv", path, options);
  }

  /**
   * One JSON object per line. NaN and Infinity, which JSON lacks, are written as null, as JSON.stringify does; Spark leaves fields
   * that are null out.
   */
  json(path: string, options: SaveOptions = {}): Promise<void> {
    return this.#write("json", path, options);
  }

  async #write(
    format: WriteOptions["format"],
    path: string,
    { overwrite = false, ...options }: SaveOptions,
  ): Promise<void> {
    const who = `write.${format}`;
    expectText(path, who, "the path");
    if ("mode" in options) {
      throw new ParamError(who, 'unknown option "mode"; pass { overwrite: true } to replace what is at the path');
    }
    const { rowGroupSize } = options as ParquetOptions;
    if (rowGroupSize !== undefined) expectCount(rowGroupSize, who, "rowGroupSize", 1);
    await this.#engine.write(this.#plan, path, { ...options, format, mode: overwrite ? "overwrite" : "error" });
  }
}
