/** @file ReadFiles: paths to the bytes of the files, read where they are used. */

import { closeSync, openSync, readSync, statSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { binaryColumnOf, withColumns } from "../data/columns.js";
import { dataOf, stringsOf } from "../data/read-columns.js";
import type { Schema } from "../data/schema.js";
import { DataError, messageOf } from "../errors.js";
import { type BatchFunction, type StageContext, Transformer } from "../pipeline/stage.js";
import { columnName, defineParams, type Input } from "../util/params.js";

const params = defineParams({
  inputCol: columnName("paths to read"),
  outputCol: columnName("bytes to add"),
});

/** Adds a column with the contents of files. Engines put it behind the list of files that a reader found. */
export class ReadFiles extends Transformer<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  override get readsColumns(): readonly string[] {
    return [this.params.inputCol];
  }

  get readsFiles(): boolean {
    return true;
  }

  override get rowsPerTask(): number {
    return 64;
  }

  transformSchema(schema: Schema): Schema {
    const { inputCol, outputCol } = this.params;
    schema.requireString(inputCol, this);
    return schema.with(outputCol, "binary", this);
  }

  open(_schema: Schema, context: StageContext): BatchFunction {
    const { inputCol, outputCol } = this.params;
    return async (batch) => {
      const paths = stringsOf(dataOf(batch, inputCol));
      const sizes = await forEachFile(paths, sizeNow, sizeAside);
      const offsets = new Int32Array(paths.length + 1);
      for (const [row, size] of sizes.entries()) offsets[row + 1] = offsets[row]! + (size ?? 0);
      const length = offsets[paths.length]!;
      const bytes = context.room?.(length) ?? new Uint8Array(length);
      const place = (row: number) => bytes.subarray(offsets[row], offsets[row + 1]);
      await forEachFile(
        paths,
        (path, row) => fillNow(place(row), path),
        (path, row) => fillAside(place(row), path),
      );
      const valid = paths.includes(null) ? (row: number) => paths[row] !== null : undefined;
      return withColumns(batch, { [outputCol]: binaryColumnOf(bytes, offsets, valid) });
    };
  }
}

/** Milliseconds from which on a file counts as slow. */
const slow = 2;

/**
 * Files that the system has in memory are worked on one after the other in this thread, which takes a third of the time
 * that promises take; once one was slow, as on a network, the rest is waited for together.
 *
 * @throws DataError that names the file.
 */
async function forEachFile<T>(
  paths: readonly (string | null)[],
  now: (path: string, row: number) => T,
  aside: (path: string, row: number) => Promise<T>,
): Promise<(T | undefined)[]> {
  const results: (T | undefined)[] = [];
  let isSlow = false;
  for (let row = 0; row < paths.length && !isSlow; row++) {
    const started = performance.now();
    results.push(ifAny(paths[row], (path) => now(path, row)));
    isSlow = performance.now() - started > slow;
  }
  const first = results.length;
  const rest = paths.slice(first).map((path, i) => ifAny(path, (path) => aside(path, first + i)));
  return [...results, ...(await Promise.all(rest))];
}

function ifAny<T>(path: string | null | undefined, work: (path: string) => T): T | undefined {
  return path === null || path === undefined ? undefined : work(path);
}

function unreadable(path: string, cause: unknown): DataError {
  return new DataError("read", `cannot read "${path}": ${messageOf(cause)}`, { code: "NO_FILE", path, cause });
}

function sizeNow(path: string): number {
  try {
    return statSync(path).size;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function sizeAside(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function fillNow(bytes: Uint8Array, path: string): void {
  try {
    const file = openSync(path, "r");
    try {
      for (let at = 0; at < bytes.length; ) at += some(readSync(file, bytes, at, bytes.length - at, null), at, bytes);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function fillAside(bytes: Uint8Array, path: string): Promise<void> {
  try {
    const file = await open(path);
    try {
      for (let at = 0; at < bytes.length; ) {
        at += some((await file.read(bytes, at, bytes.length - at, null)).bytesRead, at, bytes);
      }
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** What was read: nothing would go on for ever. */
function some(read: number, at: number, { length }: Uint8Array): number {
  if (read > 0) return read;
  throw new Error(`it was cut from ${length} to ${at} bytes while it was read`);
}
