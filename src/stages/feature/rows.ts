/** @file Rows that a stage cannot use: how they are told of, and how they are left out. */

import type * as arrow from "apache-arrow";
import { filterRows } from "../../data/columns.js";
import { DataError, type Who } from "../../errors.js";
import { choice } from "../../util/params.js";

/** What to do with rows that hold null, NaN or what the fit has not seen; named as in Spark ML. */
export const handleInvalid = choice(
  "rows with invalid values: error stops, skip leaves them out, keep gives them a value of their own",
  ["error", "skip", "keep"],
  { default: "error" },
);

/** @param reason what is wrong and what to do, as in `is null; set handleInvalid to "skip" or "keep"` */
export function badRow(who: Who, column: string, row: number, reason: string): DataError {
  return new DataError(who, `row ${row} of column "${column}" ${reason}`, { code: "BAD_ROW", row, column });
}

/** The batch without the rows for which one of the tests holds. */
export function skipRows(batch: arrow.RecordBatch, tests: readonly ((row: number) => boolean)[]): arrow.RecordBatch {
  return filterRows(batch, (row) => !tests.some((isBad) => isBad(row)));
}
