/** @file MapRows: a function of the user's over rows. */

import type { RecordBatch } from "apache-arrow";
import { fromArrowSchema } from "../../data/arrow-types.js";
import { batchToRows, type Row, rowsToBatch } from "../../data/rows.js";
import { DataError } from "../../errors.js";
import type { LoadedFunction } from "./load-function.js";
import { UserCode, userCodeParams } from "./user-code.js";

/** Rows whose promises are waited for together. */
const together = 32;

/**
 * Runs a function of a module on every row: a row in (values as `collect` gives them), a row out, or a list of rows, or
 * nothing; or a promise of these. The module goes to threads and executors with everything it imports; it is loaded
 * once in each, so that what it keeps between calls is that thread's. The stage is saved with its code: load models that
 * hold code only from where you trust.
 *
 * @throws ParamError for a module that cannot be bundled; DataError (code USER_CODE) for what the function throws, with
 * file, line and row, and for rows that do not fit the columns told.
 * @example
 * // clean.ts: export function clean(row: { text: string }) { return { words: row.text.split(" ").length }; }
 * new MapRows({ module: new URL("./clean.ts", import.meta.url).href, export: "clean", adds: { words: "int" } });
 */
export class MapRows extends UserCode {
  static readonly specs = userCodeParams;

  protected async apply(batch: RecordBatch, fn: LoadedFunction): Promise<RecordBatch> {
    const rows = batchToRows(batch);
    const input = fromArrowSchema(batch.schema);
    const made: Row[] = [];
    const names = new Set<string>();
    const take = (result: unknown, row: number): void => {
      for (const each of this.#rowsOf(result, row)) {
        for (const name of Object.keys(each)) names.add(name);
        made.push(each);
      }
    };
    const { options } = this.params;
    for (let from = 0; from < rows.length; from += together) {
      const results: unknown[] = [];
      for (let row = from; row < Math.min(rows.length, from + together); row++) {
        try {
          results.push(fn.call(rows[row], options));
        } catch (error) {
          // promises of the rows before are of no use any more
          await Promise.allSettled(results);
          throw this.failure(error, fn, row, `at row ${row}`);
        }
      }
      const settled = results.some(isPromise) ? await Promise.allSettled(results) : undefined;
      for (const [i, result] of results.entries()) {
        const outcome = settled?.[i];
        if (outcome?.status === "rejected") throw this.failure(outcome.reason, fn, from + i, `at row ${from + i}`);
        take(outcome === undefined ? result : outcome.value, from + i);
      }
    }
    this.checkNames([...names], input);
    return rowsToBatch(made, this.given, this.label);
  }

  #rowsOf(result: unknown, row: number): readonly Row[] {
    const isOne = this.params.adds !== undefined;
    if (isRow(result)) return [result];
    if (!isOne && (result === null || result === undefined)) return [];
    if (!isOne && Array.isArray(result) && result.every(isRow)) return result;
    const wanted = isOne ? "a row (an object)" : "a row (an object), a list of rows, or nothing";
    const found = Array.isArray(result) ? "a list" : (result ?? null) === null ? "nothing" : `a ${typeof result}`;
    const message = `gave ${found} for row ${row}, expected ${wanted}`;
    throw new DataError(this.label, message, { code: "USER_CODE", row });
  }
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

function isPromise(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null)?.then === "function";
}
