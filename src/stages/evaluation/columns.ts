/** @file What evaluators share: their parameters, and reading columns of batches. */

import type { RecordBatch } from "apache-arrow";
import { filterRows } from "../../data/columns.js";
import { dataOf, matrixOf, numbersOf } from "../../data/read-columns.js";
import { DataError, ParamError, type Who } from "../../errors.js";
import type { Numbers } from "../../nn/metrics/confusion-matrix.js";
import { columnName, optional } from "../../util/params.js";

export const evaluatorParams = {
  labelCol: columnName("column of true values", { default: "label" }),
  weightCol: optional(columnName("column of the rows' weights; without it all weigh the same")),
};

/** Values where Spark ML's name of the parameter, `metricName`, is taken for `metric`. */
export function withMetric<V extends { readonly metric?: unknown; readonly metricName?: unknown }>(
  who: string,
  { metricName, ...values }: V,
): Omit<V, "metricName"> {
  if (metricName === undefined) return values;
  if (values.metric !== undefined && values.metric !== metricName) {
    throw new ParamError(
      who,
      `metric and metricName are one parameter, got ${JSON.stringify(values.metric)} and ${JSON.stringify(metricName)}; set metric`,
    );
  }
  return { ...values, metric: metricName };
}

/** A column as numbers, NaN for null; undefined where the column has no name. */
export function numbersIn(batch: RecordBatch, column: string): Float64Array;
export function numbersIn(batch: RecordBatch, column: string | undefined): Float64Array | undefined;
export function numbersIn(batch: RecordBatch, column: string | undefined): Float64Array | undefined {
  return column === undefined ? undefined : numbersOf(dataOf(batch, column));
}

/** The rows' weights. @throws DataError for a negative one: sums with it mean nothing. */
export function weightsIn(batch: RecordBatch, column: string | undefined, who: Who): Float64Array | undefined {
  const weights = numbersIn(batch, column);
  const negative = weights?.find((weight) => weight < 0);
  if (negative === undefined) return weights;
  const message = `column "${column}" holds the weight ${negative}; weights are numbers of at least 0`;
  throw new DataError(who, message, { code: "BAD_ROWS", column });
}

/** Rows whose vector is there, the vectors as one matrix. */
export interface VectorRows {
  readonly batch: RecordBatch;
  readonly values: Numbers;
  readonly width: number;
  /** Rows without a vector. */
  readonly missing: number;
}

/** @param firstRow number of the batch's first row in the data, for messages */
export function vectorsIn(
  batch: RecordBatch,
  column: string,
  who: string,
  width: number | undefined,
  firstRow: number,
): VectorRows {
  const data = dataOf(batch, column);
  const rows = Array.from({ length: batch.numRows }, (_, row) => row).filter((row) => data.getValid(row));
  const kept = data.nullCount === 0 ? batch : filterRows(batch, (row) => data.getValid(row));
  const matrix = matrixOf(dataOf(kept, column), who, column, width, (at) => firstRow + rows[at]!);
  return { ...matrix, batch: kept, missing: batch.numRows - kept.numRows };
}
