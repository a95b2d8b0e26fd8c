/** @file Columns of Arrow batches: made from typed arrays, added to a batch, picked from it. Nothing is copied that need not be. */

import * as arrow from "apache-arrow";
import { internal } from "../errors.js";
import type { NumericArray } from "../tensor/dtype.js";
import { toArrowField, toArrowType } from "./arrow-types.js";
import { takeData } from "./take.js";
import {
  arrayOf,
  type ColumnType,
  type DecimalType,
  type Field,
  formatType,
  type MapType,
  type NumericType,
  type StructType,
  tensorOf,
  widthOf,
} from "./types.js";

/** A column that stands in no batch yet. */
export interface Column {
  readonly type: ColumnType;
  readonly data: arrow.Data;
}

/** Columns by name. In an object names such as "0" come first, so a list says the order where names may be anybody's. */
export type NamedColumns = Readonly<Record<string, Column>> | readonly (readonly [name: string, column: Column])[];

/** Which rows hold a value; undefined where all do. */
export type Valid = ((row: number) => boolean) | undefined;

type NumberArray = NumericArray | BigInt64Array | BigUint64Array;

/** A column of numbers over a typed array of the type's own kind. */
export function numberColumn(type: NumericType, values: NumberArray, valid?: Valid): Column {
  return { type, data: makeData(type, { length: values.length, data: values, ...nulls(values.length, valid) }) };
}

export function booleanColumn(values: ArrayLike<unknown>, valid?: Valid): Column {
  const bits = bitmap(values.length, (row) => Boolean(values[row])).bits;
  return {
    type: "boolean",
    data: makeData("boolean", { length: values.length, data: bits, ...nulls(values.length, valid) }),
  };
}

export function stringColumn(values: readonly (string | null)[]): Column {
  const encoder = new TextEncoder();
  return bytesColumn(
    values.map((value) => (value === null ? null : encoder.encode(value))),
    "string",
  );
}

export function binaryColumn(values: readonly (Uint8Array | null)[]): Column {
  return bytesColumn(values, "binary");
}

/** A column of bytes: row i spans `offsets[i]` to `offsets[i + 1]`. */
export function binaryColumnOf(bytes: Uint8Array, offsets: Int32Array, valid?: Valid): Column {
  const length = offsets.length - 1;
  const data = makeData("binary", { length, valueOffsets: offsets, data: bytes, ...nulls(length, valid) });
  return { type: "binary", data };
}

/**
 * A tensor per row: `values` holds them one after the other.
 *
 * @param rows how many there are; tensors of no numbers do not tell
 */
export function tensorColumn(
  element: NumericType,
  shape: readonly number[],
  values: NumberArray,
  valid?: Valid,
  rows = values.length / widthOf(tensorOf(element, shape)),
): Column {
  const type = tensorOf(element, shape);
  if (!Number.isInteger(rows) || rows * widthOf(type) !== values.length)
    throw internal(`${values.length} numbers do not fill rows of ${formatType(type)}`);
  const child = numberColumn(element, values).data;
  return { type, data: makeData(type, { length: rows, child, ...nulls(rows, valid) }) };
}

/** A list per row: row i spans `offsets[i]` to `offsets[i + 1]` of the items. */
export function listColumn(items: Column, offsets: Int32Array, valid?: Valid): Column {
  const type = arrayOf(items.type);
  const length = offsets.length - 1;
  return { type, data: makeData(type, { length, valueOffsets: offsets, child: items.data, ...nulls(length, valid) }) };
}

export function structColumn(fields: NamedColumns, length: number, valid?: Valid): Column {
  const entries = entriesOf(fields);
  const type: StructType = { kind: "struct", fields: entries.map(([name, { type }]) => ({ name, type })) };
  const children = entries.map(([, column]) => column.data);
  return { type, data: makeData(type, { length, children, ...nulls(length, valid) }) };
}

/** A column of days (Int32Array) or microseconds (BigInt64Array) since 1970, for the date and time types. */
export function timeColumn(
  type: "date" | "time" | "timestamp" | "timestamp_ntz",
  values: NumberArray,
  valid?: Valid,
): Column {
  return { type, data: makeData(type, { length: values.length, data: values, ...nulls(values.length, valid) }) };
}

/** A column of decimals, each four 32-bit words, lowest first. */
export function decimalColumn(type: DecimalType, words: Uint32Array, valid?: Valid): Column {
  const length = words.length / 4;
  return { type, data: makeData(type, { length, data: words, ...nulls(length, valid) }) };
}

/** A map per row, over two columns of all keys and all values. */
export function mapColumn(keys: Column, values: Column, offsets: Int32Array, valid?: Valid): Column {
  const type: MapType = { kind: "map", key: keys.type, value: values.type };
  const length = offsets.length - 1;
  const entries = (toArrowType(type) as arrow.Map_).children[0]!.type;
  const child = arrow.makeData({
    type: entries,
    length: keys.data.length,
    nullCount: 0,
    children: [keys.data, values.data],
  });
  return { type, data: makeData(type, { length, valueOffsets: offsets, child, ...nulls(length, valid) }) };
}

export function nullColumn(length: number): Column {
  return { type: "null", data: makeData("null", { length }) };
}

/** A batch of the given columns. */
export function batchOf(columns: NamedColumns, numRows?: number): arrow.RecordBatch {
  const entries = entriesOf(columns);
  const length = numRows ?? entries[0]?.[1].data.length ?? 0;
  return assemble(
    entries.map(([name, { type }]) => toArrowField({ name, type })),
    entries.map(([, column]) => column.data),
    length,
  );
}

/** The batch with columns added at the end, or replaced where the name is there already. */
export function withColumns(batch: arrow.RecordBatch, columns: NamedColumns): arrow.RecordBatch {
  const fields = [...batch.schema.fields];
  const data = [...batch.data.children];
  for (const [name, column] of entriesOf(columns)) {
    const at = fields.findIndex((field) => field.name === name);
    const field: Field = { name, type: column.type };
    fields[at < 0 ? fields.length : at] = toArrowField(field);
    data[at < 0 ? data.length : at] = column.data;
  }
  return assemble(fields, data, batch.numRows);
}

/** Some columns of the batch, under their own or other names, in the order asked for. */
export function pickColumns(
  batch: arrow.RecordBatch,
  columns: readonly { readonly from: string; readonly to: string }[],
): arrow.RecordBatch {
  const names = batch.schema.fields.map(({ name }) => name);
  const places = columns.map(({ from }) => names.indexOf(from));
  const missing = places.indexOf(-1);
  if (missing >= 0) throw internal(`column "${columns[missing]!.from}" is not in the batch`);
  const fields = places.map((place, i) => {
    const { type, nullable, metadata } = batch.schema.fields[place]!;
    return new arrow.Field(columns[i]!.to, type, nullable, metadata);
  });
  const data = places.map((place) => batch.data.children[place]!);
  return assemble(fields, data, batch.numRows);
}

/** The batch with only the rows `keep` says. */
export function filterRows(batch: arrow.RecordBatch, keep: (row: number) => boolean): arrow.RecordBatch {
  const rows: number[] = [];
  for (let row = 0; row < batch.numRows; row++) if (keep(row)) rows.push(row);
  if (rows.length === batch.numRows) return batch;
  const data = batch.data.children.map((child) => takeData(child, rows));
  return assemble([...batch.schema.fields], data, rows.length);
}

function entriesOf(columns: NamedColumns): readonly (readonly [string, Column])[] {
  return isList(columns) ? columns : Object.entries(columns);
}

// Array.isArray does not know lists that are read only
function isList<T>(value: T | readonly (readonly [string, Column])[]): value is readonly (readonly [string, Column])[] {
  return Array.isArray(value);
}

function bytesColumn(values: readonly (Uint8Array | null)[], type: "string" | "binary"): Column {
  const offsets = new Int32Array(values.length + 1);
  values.forEach((value, i) => {
    offsets[i + 1] = offsets[i]! + (value?.length ?? 0);
  });
  const bytes = new Uint8Array(offsets[values.length]!);
  values.forEach((value, i) => {
    if (value !== null) bytes.set(value, offsets[i]!);
  });
  const validity = nulls(values.length, values.includes(null) ? (row) => values[row] !== null : undefined);
  return { type, data: makeData(type, { length: values.length, valueOffsets: offsets, data: bytes, ...validity }) };
}

function nulls(length: number, valid: Valid): { nullCount: number; nullBitmap?: Uint8Array } {
  if (valid === undefined) return { nullCount: 0 };
  const { bits, count } = bitmap(length, valid);
  return count === length ? { nullCount: 0 } : { nullCount: length - count, nullBitmap: bits };
}

function bitmap(length: number, isSet: (row: number) => boolean): { bits: Uint8Array; count: number } {
  const bits = new Uint8Array((length + 7) >> 3);
  let count = 0;
  for (let row = 0; row < length; row++) {
    if (!isSet(row)) continue;
    bits[row >> 3]! |= 1 << (row & 7);
    count++;
  }
  return { bits, count };
}

// arrow.makeData is overloaded by type class; ours is chosen at run time, so the check is done by toArrowType
function makeData(type: ColumnType, props: object): arrow.Data {
  return arrow.makeData({ type: toArrowType(type), ...props } as Parameters<typeof arrow.makeData>[0]);
}

function assemble(fields: arrow.Field[], children: arrow.Data[], length: number): arrow.RecordBatch {
  const data = arrow.makeData({ type: new arrow.Struct(fields), length, nullCount: 0, children });
  return new arrow.RecordBatch(new arrow.Schema(fields), data);
}
