/** @file Arrow columns into DuckDB vectors: whole buffers are copied at once. */

import duckdb from "@duckdb/node-bindings";
import * as arrow from "apache-arrow";

type Vector = duckdb.Vector;

/**
 * Writes rows `from` to `from + count` of `data` to the front of `vector`, whose type has the form of
 * {@link duckTypeName}.
 */
export function writeColumn(vector: Vector, data: arrow.Data, from: number, count: number): void {
  const T = arrow.DataType;
  const { type, values } = data;
  if (count === 0) return;
  if (T.isNull(type)) writeValidity(vector, count, () => false);
  else if (data.nullCount > 0) writeValidity(vector, count, (row) => data.getValid(from + row));
  if (T.isBool(type)) writeBooleans(vector, data, from, count);
  else if (T.isUtf8(type) || T.isBinary(type)) writeBytes(vector, data, from, count);
  else if (T.isDecimal(type)) writeDecimals(vector, data, from, count);
  else if (T.isFixedSizeList(type)) writeFixedSizeLists(vector, data, from, count);
  else if (T.isList(type) || T.isMap(type)) writeLists(vector, data, from, count);
  else if (T.isStruct(type)) {
    data.children.forEach((child, i) => {
      writeColumn(duckdb.struct_vector_get_child(vector, i), child, from, count);
    });
  } else if (!T.isNull(type)) copy(vector, (values as Float32Array).subarray(from, from + count));
}

function copy(vector: Vector, values: ArrayBufferView): void {
  // the binding takes no shared memory
  const source =
    values.buffer instanceof SharedArrayBuffer
      ? Buffer.from(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
      : values;
  duckdb.copy_data_to_vector(vector, 0, source.buffer as ArrayBuffer, source.byteOffset, source.byteLength);
}

/** Makes the first row null. */
export function nullRow(vector: Vector): void {
  writeValidity(vector, 1, () => false);
}

function writeValidity(vector: Vector, count: number, isValid: (row: number) => boolean): void {
  const bits = new Uint8Array(Math.ceil(count / 64) * 8);
  for (let row = 0; row < count; row++) if (isValid(row)) bits[row >> 3]! |= 1 << (row & 7);
  duckdb.vector_ensure_validity_writable(vector);
  duckdb.copy_data_to_vector_validity(vector, 0, bits.buffer, 0, bits.byteLength);
}

function writeBooleans(vector: Vector, data: arrow.Data, from: number, count: number): void {
  const bytes = new Uint8Array(count);
  for (let row = 0; row < count; row++) {
    const bit = data.offset + from + row;
    bytes[row] = (data.values[bit >> 3]! >> (bit & 7)) & 1;
  }
  copy(vector, bytes);
}

function writeBytes(vector: Vector, data: arrow.Data, from: number, count: number): void {
  const { values, valueOffsets } = data;
  for (let row = 0; row < count; row++) {
    if (data.nullCount > 0 && !data.getValid(from + row)) continue;
    const bytes = values.subarray(valueOffsets[from + row], valueOffsets[from + row + 1]);
    duckdb.vector_assign_string_element_len(vector, row, bytes);
  }
}

function writeDecimals(vector: Vector, data: arrow.Data, from: number, count: number): void {
  const precision = (data.type as arrow.Decimal).precision;
  const words = data.values as Uint32Array;
  if (precision > 18) {
    copy(vector, words.subarray(from * 4, (from + count) * 4));
    return;
  }
  const narrow = new (precision <= 4 ? Int16Array : precision <= 9 ? Int32Array : Uint32Array)(
    count * (precision > 9 ? 2 : 1),
  );
  for (let row = 0; row < count; row++) {
    const at = (from + row) * 4;
    if (precision <= 9) narrow[row] = words[at]!;
    else narrow.set(words.subarray(at, at + 2), row * 2);
  }
  copy(vector, narrow);
}

function writeFixedSizeLists(vector: Vector, data: arrow.Data, from: number, count: number): void {
  const width = (data.type as arrow.FixedSizeList).listSize;
  const child = data.children[0]!;
  const isList = duckdb.get_type_id(duckdb.vector_get_column_type(vector)) === duckdb.Type.LIST;
  if (!isList) {
    writeColumn(duckdb.array_vector_get_child(vector), child, from * width, count * width);
    return;
  }
  const entries = new BigUint64Array(count * 2);
  for (let row = 0; row < count; row++) {
    entries[row * 2] = BigInt(row * width);
    entries[row * 2 + 1] = BigInt(width);
  }
  writeListItems(vector, entries, child, from * width, count * width);
}

function writeLists(vector: Vector, data: arrow.Data, from: number, count: number): void {
  const offsets = data.valueOffsets;
  const start = Number(offsets[from]);
  const entries = new BigUint64Array(count * 2);
  for (let row = 0; row < count; row++) {
    const offset = Number(offsets[from + row]);
    entries[row * 2] = BigInt(offset - start);
    entries[row * 2 + 1] = BigInt(Number(offsets[from + row + 1]) - offset);
  }
  writeListItems(vector, entries, data.children[0]!, start, Number(offsets[from + count]) - start);
}

function writeListItems(vector: Vector, entries: BigUint64Array, items: arrow.Data, from: number, count: number): void {
  duckdb.list_vector_reserve(vector, count);
  duckdb.list_vector_set_size(vector, count);
  writeColumn(duckdb.list_vector_get_child(vector), items, from, count);
  copy(vector, entries);
}
