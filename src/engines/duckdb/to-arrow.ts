/** @file Columns of DuckDB chunks as Arrow columns: whole vectors are copied at once into buffers that a thread can take. */

import duckdb from "@duckdb/node-bindings";
import * as arrow from "apache-arrow";
import { toArrowType } from "../../data/arrow-types.js";
import { type ColumnType, dtypeOf, isNumeric, widthOf } from "../../data/types.js";
import { DataError } from "../../errors.js";
import { allocate } from "../../tensor/dtype.js";
import { Bytes, Validity } from "./buffers.js";
import { maxArrayLength } from "./types.js";

type Vector = duckdb.Vector;

/** One column being gathered. */
export interface Column {
  readonly bytes: number;
  append(vector: Vector, from: number, count: number): void;
  finish(): arrow.Data;
}

/** Gathers vectors of a type. */
export function columnOf(type: ColumnType): Column {
  const arrowType = toArrowType(type);
  if (typeof type === "string") {
    if (type === "null") return nullColumn(arrowType);
    if (type === "string" || type === "binary") return bytesColumn(arrowType);
    if (type === "boolean") return booleanColumn(arrowType);
    const size = isNumeric(type) ? allocate(dtypeOf(type), 1).BYTES_PER_ELEMENT : type === "date" ? 4 : 8;
    return fixedColumn(arrowType, size, (count) =>
      isNumeric(type)
        ? allocate(dtypeOf(type), count)
        : type === "date"
          ? new Int32Array(count)
          : new BigInt64Array(count),
    );
  }
  switch (type.kind) {
    case "decimal":
      return decimalColumn(arrowType, type.precision);
    case "tensor": {
      const width = widthOf(type);
      if (width === 0 || width > maxArrayLength) return listColumn(arrowType, columnOf(type.element), width);
      return arrayColumn(arrowType, columnOf(type.element), width);
    }
    case "array":
      return listColumn(arrowType, columnOf(type.element));
    case "struct":
      return structColumn(
        arrowType,
        type.fields.map((field) => columnOf(field.type)),
      );
    case "map": {
      const entries = (arrowType as arrow.Map_).children[0]!.type;
      return listColumn(arrowType, structColumn(entries, [columnOf(type.key), columnOf(type.value)]));
    }
  }
}

function fixedColumn(type: arrow.DataType, size: number, allocateArray: (count: number) => unknown): Column {
  const validity = new Validity();
  const bytes = new Bytes();
  const Values = (allocateArray(0) as Float32Array).constructor as Float32ArrayConstructor;
  return {
    get bytes() {
      return bytes.length;
    },
    append(vector, from, count) {
      validity.append(vector, from, count);
      if (count > 0) bytes.add(duckdb.vector_get_data(vector, (from + count) * size).subarray(from * size));
    },
    finish() {
      const taken = bytes.take();
      const data = new Values(taken.buffer, 0, taken.length / size);
      return makeData({ type, data, ...validity.take() });
    },
  };
}

function booleanColumn(type: arrow.DataType): Column {
  const validity = new Validity();
  const bytes = new Bytes();
  return {
    get bytes() {
      return bytes.length;
    },
    append(vector, from, count) {
      validity.append(vector, from, count);
      if (count > 0) bytes.add(duckdb.vector_get_data(vector, from + count).subarray(from));
    },
    finish() {
      const taken = bytes.take();
      const bits = new Uint8Array((taken.length + 7) >> 3);
      for (let i = 0; i < taken.length; i++) if (taken[i] !== 0) bits[i >> 3]! |= 1 << (i & 7);
      return makeData({ type, data: bits, ...validity.take() });
    },
  };
}

// A string is 16 bytes: its length, then up to 12 bytes in place, or 4 bytes and a pointer.
function bytesColumn(type: arrow.DataType): Column {
  const validity = new Validity();
  const bytes = new Bytes();
  const offsets = new Bytes();
  let rows = 0;
  return {
    get bytes() {
      return bytes.length + offsets.length;
    },
    append(vector, from, count) {
      validity.append(vector, from, count);
      if (count === 0) return;
      const entries = duckdb.vector_get_data(vector, (from + count) * 16);
      const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
      const mask = duckdb.vector_get_validity(vector, Math.ceil((from + count) / 64) * 8);
      offsets.reserve(count * 4 + 4);
      const ends = new Int32Array(offsets.array.buffer, 0, Math.floor(offsets.array.length / 4));
      for (let row = from; row < from + count; row++) {
        // what stands in the place of a null may point anywhere
        if (!mask || (mask[row >> 3]! >> (row & 7)) & 1) {
          const length = view.getUint32(row * 16, true);
          if (length > 12) {
            bytes.add(duckdb.get_data_from_pointer(view.buffer as ArrayBuffer, view.byteOffset + row * 16 + 8, length));
          } else if (length > 0) {
            bytes.reserve(length);
            const start = row * 16 + 4;
            for (let i = 0; i < length; i++) bytes.array[bytes.length + i] = entries[start + i]!;
            bytes.length += length;
          }
        }
        ends[++rows] = bytes.length;
      }
      offsets.length = rows * 4 + 4;
    },
    finish() {
      const taken = offsets.length === 0 ? new Uint8Array(4) : offsets.take();
      rows = 0;
      const valueOffsets = new Int32Array(taken.buffer, 0, taken.length / 4);
      return makeData({ type, valueOffsets, data: bytes.take(), ...validity.take() });
    },
  };
}

// Arrow's decimals have 128 bits; DuckDB's as many as the precision needs.
function decimalColumn(type: arrow.DataType, precision: number): Column {
  const validity = new Validity();
  const bytes = new Bytes();
  const size = precision <= 4 ? 2 : precision <= 9 ? 4 : precision <= 18 ? 8 : 16;
  return {
    get bytes() {
      return bytes.length;
    },
    append(vector, from, count) {
      validity.append(vector, from, count);
      if (count === 0) return;
      const data = duckdb.vector_get_data(vector, (from + count) * size).subarray(from * size);
      if (size === 16) {
        bytes.add(data);
        return;
      }
      const wide = new BigInt64Array(count * 2);
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      for (let i = 0; i < count; i++) {
        const value =
          size === 8
            ? view.getBigInt64(i * 8, true)
            : BigInt(size === 4 ? view.getInt32(i * 4, true) : view.getInt16(i * 2, true));
        wide[i * 2] = value;
        wide[i * 2 + 1] = value < 0n ? -1n : 0n;
      }
      bytes.add(new Uint8Array(wide.buffer));
    },
    finish() {
      const taken = bytes.take();
      return makeData({ type, data: new Uint32Array(taken.buffer, 0, taken.length / 4), ...validity.take() });
    },
  };
}

function arrayColumn(type: arrow.DataType, items: Column, width: number): Column {
  const validity = new Validity();
  let depth: number | undefined;
  return {
    get bytes() {
      return items.bytes;
    },
    append(vector, from, count) {
      validity.append(vector, from, count);
      depth ??= depthOf(vector);
      let child = vector;
      for (let i = 0; i < depth; i++) child = duckdb.array_vector_get_child(child);
      items.append(child, from * width, count * width);
    },
    finish: () => makeData({ type, child: items.finish(), ...validity.take() }),
  };
}

/** Arrays of arrays of numbers: how many stand within each other. */
function depthOf(vector: Vector): number {
  const isArray = duckdb.get_type_id(duckdb.vector_get_column_type(vector)) === duckdb.Type.ARRAY;
  return isArray ? 1 + depthOf(duckdb.array_vector_get_child(vector)) : 0;
}

// A list is 16 bytes: offset and length in the child. With a width, every list must have it: a long tensor.
function listColumn(type: arrow.DataType, items: Column, width?: number): Column {
  const validity = new Validity();
  let ends: number[] = [0];
  return {
    get bytes() {
      return items.bytes + ends.length * 4;
    },
    append(vector, from, count) {
      validity.append(vector, from, count);
      if (count === 0) return;
      const data = duckdb.vector_get_data(vector, (from + count) * 16);
      const entries = new BigUint64Array(data.buffer, data.byteOffset, (from + count) * 2);
      const mask = duckdb.vector_get_validity(vector, Math.ceil((from + count) / 64) * 8);
      const child = duckdb.list_vector_get_child(vector);
      // neighbouring lists that follow one another in the child are taken in one go
      let start = 0;
      let length = 0;
      for (let row = from; row < from + count; row++) {
        const isValid = !mask || (mask[row >> 3]! >> (row & 7)) & 1;
        const offset = Number(entries[row * 2]);
        const size = isValid ? Number(entries[row * 2 + 1]) : 0;
        if (width !== undefined && size !== width) {
          throw new DataError("DuckDB", `a tensor of ${width} numbers came back ${isValid ? `with ${size}` : "null"}`);
        }
        ends.push(ends.at(-1)! + size);
        if (size === 0) continue;
        if (length > 0 && offset !== start + length) {
          items.append(child, start, length);
          length = 0;
        }
        if (length === 0) start = offset;
        length += size;
      }
      if (length > 0) items.append(child, start, length);
    },
    finish() {
      const valueOffsets = Int32Array.from(ends);
      ends = [0];
      const child = items.finish();
      if (width !== undefined) return makeData({ type, child, ...validity.take() });
      return makeData({ type, valueOffsets, child, ...validity.take() });
    },
  };
}

function structColumn(type: arrow.DataType, fields: readonly Column[]): Column {
  const validity = new Validity();
  return {
    get bytes() {
      return fields.reduce((sum, field) => sum + field.bytes, 0);
    },
    append(vector, from, count) {
      validity.append(vector, from, count);
      fields.forEach((field, i) => {
        field.append(duckdb.struct_vector_get_child(vector, i), from, count);
      });
    },
    finish: () => makeData({ type, children: fields.map((field) => field.finish()), ...validity.take() }),
  };
}

function nullColumn(type: arrow.DataType): Column {
  let length = 0;
  return {
    bytes: 0,
    append(_vector, _from, count) {
      length += count;
    },
    finish() {
      const data = makeData({ type, length });
      length = 0;
      return data;
    },
  };
}

// arrow.makeData is overloaded by type class; ours is chosen at run time
function makeData(props: object): arrow.Data {
  return arrow.makeData(props as Parameters<typeof arrow.makeData>[0]);
}
