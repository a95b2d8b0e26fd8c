/** @file Columns of Arrow batches read as numbers, strings, bytes or one matrix; without a copy where Arrow holds them so. */

import * as arrow from "apache-arrow";
import { DataError, internal, type Who } from "../errors.js";
import type { NumericArray } from "../tensor/dtype.js";

/** The column's Arrow data. @throws an internal error where it is missing: stages check schemas first. */
export function dataOf(batch: arrow.RecordBatch, name: string): arrow.Data {
  const at = batch.schema.fields.findIndex((field) => field.name === name);
  if (at < 0) throw internal(`column "${name}" is not in the batch`);
  return batch.data.children[at]!;
}

/** A column as numbers: nulls become NaN, booleans 0 and 1. Doubles without nulls come without a copy. */
export function numbersOf(data: arrow.Data): Float64Array {
  const T = arrow.DataType;
  const { type, length } = data;
  if (T.isFloat(type) && type.precision === arrow.Precision.DOUBLE && data.nullCount === 0) {
    return data.values.subarray(0, length) as Float64Array;
  }
  const numbers = new Float64Array(length);
  if (T.isNull(type)) return numbers.fill(Number.NaN);
  if (T.isInt(type) || T.isFloat(type)) {
    const { values } = data;
    for (let i = 0; i < length; i++) numbers[i] = Number(values[i]);
  } else {
    const vector = new arrow.Vector([data]);
    const unit = T.isDecimal(type) ? 10 ** -type.scale : 1;
    for (let i = 0; i < length; i++) numbers[i] = Number(vector.get(i)) * unit;
  }
  if (data.nullCount > 0) for (let i = 0; i < length; i++) if (!data.getValid(i)) numbers[i] = Number.NaN;
  return numbers;
}

/** Strings of a column, null where there is none. */
export function stringsOf(data: arrow.Data): (string | null)[] {
  const vector = new arrow.Vector([data]);
  return Array.from({ length: data.length }, (_, i) => {
    const value = vector.get(i);
    return value === null ? null : String(value);
  });
}

/** The bytes of one row of a binary column; a view, not a copy. */
export function bytesAt(data: arrow.Data, row: number): Uint8Array | null {
  if (!data.getValid(row)) return null;
  return data.values.subarray(Number(data.valueOffsets[row]), Number(data.valueOffsets[row + 1]));
}

/** Vectors of a column as one matrix of `width` numbers per row. */
export interface Matrix {
  readonly values: NumericArray;
  readonly width: number;
}

/**
 * A vector column (array or tensor of numbers) as a matrix; without a copy where Arrow already holds it so.
 *
 * @param rowAt number by which messages name a row of the data; its place by default
 * @throws DataError naming the first row that is null, holds a null, or has another length than the rest.
 */
export function matrixOf(
  data: arrow.Data,
  who: Who,
  column: string,
  expectedWidth?: number,
  rowAt: (row: number) => number = (row) => row,
): Matrix {
  const child = data.children[0]!;
  const fail = (at: number, reason: string): never => {
    const row = rowAt(at);
    throw new DataError(who, `row ${row} of column "${column}" ${reason}`, { code: "BAD_ROW", row, column });
  };
  if (data.nullCount > 0) {
    for (let row = 0; row < data.length; row++) if (!data.getValid(row)) fail(row, "is null; drop or fill it first");
  }
  let width = expectedWidth ?? -1;
  let from = 0;
  if (arrow.DataType.isFixedSizeList(data.type)) {
    if (width >= 0 && width !== data.type.listSize) fail(0, `has ${data.type.listSize} numbers, expected ${width}`);
    width = data.type.listSize;
  } else {
    const offsets = data.valueOffsets;
    from = Number(offsets[0] ?? 0);
    for (let row = 0; row < data.length; row++) {
      const length = Number(offsets[row + 1]) - Number(offsets[row]);
      if (width < 0) width = length;
      if (length !== width) fail(row, `has ${length} numbers, expected ${width} as in the rows before`);
    }
    width = Math.max(width, 0);
  }
  const to = from + width * data.length;
  if (child.nullCount > 0) {
    for (let i = from; i < to; i++)
      if (!child.getValid(i)) fail(Math.floor((i - from) / width), "holds a null; fill it first");
  }
  const { values } = child;
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    return { values: Float64Array.from(values.subarray(from, to), Number), width };
  }
  return { values: values.subarray(from, to) as NumericArray, width };
}
