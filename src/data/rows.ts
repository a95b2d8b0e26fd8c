/** @file JavaScript rows as Arrow batches, and back. */

import * as arrow from "apache-arrow";
import { DataError, type Who } from "../errors.js";
import { batchOf, type Column } from "./columns.js";
import { describe } from "./expect.js";
import { columnOfValues, fieldOf, isRecord } from "./from-values.js";
import { Schema } from "./schema.js";
import { timeAt } from "./times.js";
import { arrayOf, type ColumnType, formatType, isNumeric, numericTypeOf } from "./types.js";

/** One row: column name to value. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * The schema that fits the rows: number is `double`, bigint `bigint`, string, boolean, Date `timestamp`, Uint8Array
 * `binary`, other typed arrays and number lists `array<…>`, objects `struct<…>`, Map `map<…>`; a column of nulls alone is `null`.
 *
 * @throws DataError naming the row and column whose type differs from the rows before.
 */
export function inferSchema(rows: readonly Row[], who: Who = "createDataFrame"): Schema {
  checkRows(rows, who);
  const types = new Map<string, ColumnType>();
  rows.forEach((row, i) => {
    for (const [name, value] of Object.entries(row)) {
      const type = typeOfValue(value, who, name, i);
      const before = types.get(name);
      const merged = before === undefined ? type : mergeTypes(before, type);
      if (merged === undefined) {
        const found = `${formatType(type)}, but is ${formatType(before!)} in the rows before`;
        throw new DataError(who, `row ${i} of column "${name}" is ${found}; give a schema or convert the values`);
      }
      types.set(name, merged);
    }
  });
  return new Schema([...types].map(([name, type]) => ({ name, type })));
}

/** Rows as one Arrow batch; missing values are null. @throws DataError naming the row and column that do not fit. */
export function rowsToBatch(rows: readonly Row[], schema: Schema, who: Who = "createDataFrame"): arrow.RecordBatch {
  checkRows(rows, who);
  const columns = schema.fields.map(({ name, type }): [string, Column] => {
    const values = rows.map((row) => fieldOf(row, name));
    return [name, columnOfValues(values, type, (row) => `row ${row} of column "${name}"`, who)];
  });
  return batchOf(columns, rows.length);
}

/** @throws DataError where these are no rows, as a program without types may have them. */
function checkRows(rows: readonly Row[], who: Who): void {
  if (!Array.isArray(rows)) {
    throw new DataError(who, `rows must be a list of objects, as in [{ age: 3 }], got ${describe(rows)}`);
  }
  // findIndex sees the gaps of a list too
  const row = rows.findIndex((each) => !isRecord(each));
  if (row < 0) return;
  throw new DataError(who, `row ${row} must be an object of column names and values, got ${describe(rows[row])}`, {
    code: "BAD_ROW",
    row,
  });
}

/**
 * Rows of a batch: numbers as number (bigint only beyond 2^53), dates as Date (Infinity and -Infinity where the engine has
 * them so), number lists as typed arrays (plain arrays where they hold nulls), structs as objects, maps as objects.
 *
 * @throws DataError for a time that a Date cannot hold.
 */
export function batchToRows(batch: arrow.RecordBatch): Record<string, unknown>[] {
  const columns = batch.schema.fields.map((field, i) => ({ name: field.name, data: batch.data.children[i]! }));
  return Array.from({ length: batch.numRows }, (_, row) =>
    Object.fromEntries(columns.map(({ name, data }) => [name, valueAt(data, row)])),
  );
}

/** One value of Arrow data as {@link batchToRows} gives it. */
export function valueAt(data: arrow.Data, row: number): unknown {
  const T = arrow.DataType;
  const { type } = data;
  if (T.isNull(type) || !data.getValid(row)) return null;
  if (T.isStruct(type)) {
    return Object.fromEntries(type.children.map((field, i) => [field.name, valueAt(data.children[i]!, row)]));
  }
  if (T.isFixedSizeList(type)) return listAt(data.children[0]!, row * type.listSize, (row + 1) * type.listSize);
  if (T.isList(type))
    return listAt(data.children[0]!, Number(data.valueOffsets[row]), Number(data.valueOffsets[row + 1]));
  if (T.isMap(type)) {
    const [keys, values] = data.children[0]!.children as [arrow.Data, arrow.Data];
    const entries: [string, unknown][] = [];
    for (let i = Number(data.valueOffsets[row]); i < Number(data.valueOffsets[row + 1]); i++) {
      entries.push([String(valueAt(keys, i)), valueAt(values, i)]);
    }
    return Object.fromEntries(entries);
  }
  if (T.isDate(type) || T.isTimestamp(type)) return timeAt(data, row);
  const value = new arrow.Vector([data]).get(row);
  if (typeof value === "bigint") return toNumber(value);
  if (T.isDecimal(type)) return decimalToNumber(value as Uint32Array, type.scale);
  if (T.isBinary(type)) return (value as Uint8Array).slice();
  return value;
}

function listAt(items: arrow.Data, from: number, to: number): unknown {
  const { values } = items;
  const plain = arrow.DataType.isInt(items.type) || arrow.DataType.isFloat(items.type);
  if (plain && allValid(items, from, to) && !(values instanceof BigInt64Array || values instanceof BigUint64Array)) {
    return values.slice(from, to);
  }
  return Array.from({ length: to - from }, (_, i) => valueAt(items, from + i));
}

function allValid(items: arrow.Data, from: number, to: number): boolean {
  if (items.nullCount > 0) for (let i = from; i < to; i++) if (!items.getValid(i)) return false;
  return true;
}

function toNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function decimalToNumber(words: Uint32Array, scale: number): number {
  let value = 0n;
  for (let i = words.length - 1; i >= 0; i--) value = (value << 32n) | BigInt(words[i]!);
  return Number(BigInt.asIntN(words.length * 32, value)) / 10 ** scale;
}

function typeOfValue(value: unknown, who: Who, column: string, row: number): ColumnType {
  if (value === null || value === undefined) return "null";
  if (typeof value === "number") return "double";
  if (typeof value === "bigint") return "bigint";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "boolean";
  if (value instanceof Date) return "timestamp";
  if (value instanceof Uint8Array) return "binary";
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const dtype = value.constructor.name.replace(/^(Big)?(\w+)Array$/, (_, _big, name) => name.toLowerCase());
    const element = numericTypeOf(dtype as Parameters<typeof numericTypeOf>[0]);
    if (element !== undefined) return arrayOf(element);
  }
  const common = (items: readonly unknown[]): ColumnType | undefined =>
    items.reduce<ColumnType | undefined>(
      (type, item) => type && mergeTypes(type, typeOfValue(item, who, column, row)),
      "null",
    );
  if (Array.isArray(value)) {
    const element = common(value);
    if (element === undefined) throw new DataError(who, `row ${row} of column "${column}" mixes types in one list`);
    return arrayOf(element === "null" ? "double" : element);
  }
  if (value instanceof Map) {
    const [key, held] = [common([...value.keys()]), common([...value.values()])];
    if (key === undefined || held === undefined) {
      throw new DataError(who, `row ${row} of column "${column}" mixes types in one map`);
    }
    return { kind: "map", key, value: held };
  }
  if (typeof value === "object" && [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    const fields = Object.entries(value).map(([name, item]) => ({ name, type: typeOfValue(item, who, column, row) }));
    return { kind: "struct", fields };
  }
  throw new DataError(
    who,
    `row ${row} of column "${column}" holds ${typeof value === "object" ? "a " : ""}${describe(value)}, which no column type fits`,
  );
}

function mergeTypes(a: ColumnType, b: ColumnType): ColumnType | undefined {
  if (a === "null" || formatType(a) === formatType(b)) return b;
  if (b === "null") return a;
  if (isNumeric(a) && isNumeric(b)) return "double";
  if (typeof a !== "object" || typeof b !== "object") return undefined;
  if (a.kind === "array" && b.kind === "array") {
    const element = mergeTypes(a.element, b.element);
    return element && arrayOf(element);
  }
  if (a.kind === "map" && b.kind === "map") {
    const [key, value] = [mergeTypes(a.key, b.key), mergeTypes(a.value, b.value)];
    return key && value && { kind: "map", key, value };
  }
  if (a.kind === "struct" && b.kind === "struct") {
    const types = new Map<string, ColumnType | undefined>(a.fields.map(({ name, type }) => [name, type]));
    for (const { name, type } of b.fields) types.set(name, mergeTypes(types.get(name) ?? "null", type));
    const fields = [...types].map(([name, type]) => ({ name, type }));
    return fields.every((field): field is { name: string; type: ColumnType } => field.type !== undefined)
      ? { kind: "struct", fields }
      : undefined;
  }
  return undefined;
}
