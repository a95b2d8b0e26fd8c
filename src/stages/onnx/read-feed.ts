/** @file A column's rows as one array for a model's input, and what is wrong with the rows that cannot be fed. */

import * as arrow from "apache-arrow";
import { numbersOf, stringsOf } from "../../data/read-columns.js";
import { allocate, type DataOf, type DType, holds } from "../../tensor/dtype.js";
import { fromHalf, toHalf } from "../../tensor/half.js";
import { type FeedPlan, widthOfRow } from "./feed.js";

/** Rows one after the other; bad rows are zeros (empty strings). */
export interface FeedData {
  readonly data: DataOf[DType];
  /** Sizes of one row. */
  readonly rowShape: readonly number[];
  readonly width: number;
}

type Values = ArrayLike<number> | ArrayLike<bigint> | ArrayLike<string | null>;

/** Whether a number names a row of a table that has `rows` of them. */
export function isRowOfTable(value: number | bigint, rows: number): boolean {
  return value >= 0 && value < rows && Number.isInteger(Number(value));
}

/** @param onBad told of each row that is null, of another length, or holds what the dtype cannot */
export function readFeed(data: arrow.Data, plan: FeedPlan, onBad: (row: number, reason: string) => void): FeedData {
  const rows = data.length;
  const items = data.type.children?.length ? data.children[0]! : undefined;
  const bad = new Set<number>();
  const fail = (row: number, reason: string) => {
    if (!bad.has(row)) onBad(row, reason);
    bad.add(row);
  };
  if (data.nullCount > 0 || arrow.DataType.isNull(data.type)) {
    for (let row = 0; row < rows; row++) {
      if (!data.getValid(row) || arrow.DataType.isNull(data.type)) fail(row, "is null");
    }
  }
  const bounds = boundsOf(data);
  const expected = widthOfRow(plan.rowShape);
  let width = expected ?? 0;
  for (let row = 0, isFirst = expected === undefined; row < rows; row++) {
    if (bad.has(row)) continue;
    const length = bounds(row + 1) - bounds(row);
    if (isFirst) [width, isFirst] = [length, false];
    if (length !== width)
      fail(row, `has ${length} values, expected ${width}${expected === undefined ? " as in the rows before" : ""}`);
  }
  if (items !== undefined && items.nullCount > 0) {
    for (let row = 0; row < rows; row++) {
      for (let i = bounds(row); i < bounds(row + 1); i++) if (!items.getValid(i)) fail(row, "holds a null");
    }
  }
  const values = bad.size === rows ? allocate(plan.dtype, 0) : valuesOf(items ?? data);
  const whole = bad.size === 0 ? slice(values, bounds(0), bounds(rows)) : gather(values, bounds, rows, width, bad);
  const converted = convert(whole, plan.dtype, (i, reason) => fail(Math.floor(i / width), reason));
  const rowShape = plan.rowShape.map((dim) => dim ?? width);
  return { data: converted, rowShape, width };
}

/** Where the items of a row begin. */
function boundsOf(data: arrow.Data): (row: number) => number {
  if (arrow.DataType.isFixedSizeList(data.type)) {
    const { listSize } = data.type;
    return (row) => row * listSize;
  }
  return arrow.DataType.isList(data.type) ? (row) => Number(data.valueOffsets[row]) : (row) => row;
}

function valuesOf(data: arrow.Data): Values {
  const T = arrow.DataType;
  if (T.isUtf8(data.type)) return stringsOf(data);
  if (T.isInt(data.type) || T.isFloat(data.type)) return data.values;
  return numbersOf(data);
}

function slice(values: Values, from: number, to: number): Values {
  if (ArrayBuffer.isView(values)) return (values as unknown as Float64Array).subarray(from, to);
  return Array.prototype.slice.call(values, from, to);
}

/** The good rows' values at their places, zeros (nulls for strings) at the others. */
function gather(
  values: Values,
  bounds: (row: number) => number,
  rows: number,
  width: number,
  bad: ReadonlySet<number>,
): Values {
  const isView = ArrayBuffer.isView(values);
  const Same = (isView ? values.constructor : Array) as new (length: number) => { [index: number]: unknown };
  const gathered = new Same(rows * width);
  if (!isView) (gathered as unknown as null[]).fill(null);
  for (let row = 0; row < rows; row++) {
    if (bad.has(row)) continue;
    for (let i = 0, from = bounds(row); i < width; i++) gathered[row * width + i] = values[from + i];
  }
  return gathered as Values;
}

/** The values as the dtype holds them. Doubles are rounded to float32 and float16; nothing else changes a value. */
function convert(values: Values, dtype: DType, onBad: (index: number, reason: string) => void): DataOf[DType] {
  if (dtype === "string") return Array.from(values as ArrayLike<string | null>, (text) => text ?? "");
  if (dtype !== "bool" && dtype !== "float16" && holds(dtype, values)) return values as DataOf[DType];
  if (dtype === "float32" && values instanceof Float64Array) return Float32Array.from(values);
  if (dtype === "float16") return toFloat16(values, onBad);
  const converted = allocate(dtype, values.length) as { [index: number]: number | bigint };
  const isBig = dtype === "int64" || dtype === "uint64";
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number | bigint;
    converted[i] = isBig
      ? Number.isSafeInteger(Number(value)) || typeof value === "bigint"
        ? BigInt(value)
        : 0n
      : Number(value);
    const isKept = isSame(converted[i]!, value) && (dtype !== "bool" || isSame(value, 0) || isSame(value, 1));
    if (!isKept) {
      onBad(i, `holds ${value}, which ${dtype} cannot hold`);
      converted[i] = isBig ? 0n : 0;
    }
  }
  return converted as DataOf[DType];
}

/** Numbers and bigints compare exactly by size, and not by ===. */
function isSame(a: number | bigint, b: number | bigint): boolean {
  return (a >= b && a <= b) || (Number.isNaN(a) && Number.isNaN(b));
}

function toFloat16(values: Values, onBad: (index: number, reason: string) => void): Uint16Array {
  const numbers = Float64Array.from(values as ArrayLike<number>, Number);
  const halves = toHalf(numbers);
  if (values instanceof Float64Array || values instanceof Float32Array) return halves;
  fromHalf(halves).forEach((half, i) => {
    if (half !== numbers[i]) onBad(i, `holds ${numbers[i]}, which float16 cannot hold`);
  });
  return halves;
}
