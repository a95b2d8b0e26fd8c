/** @file Columns in another form of the same values: lists as tensors and back, unsigned numbers as wider signed ones. */

import * as arrow from "apache-arrow";
import { toArrowSchema, toArrowType } from "../data/arrow-types.js";
import type { Schema } from "../data/schema.js";
import { type ColumnType, dtypeOf, formatType, isNumeric, sameType, widthOf } from "../data/types.js";
import { DataError, internal, type Who } from "../errors.js";
import { allocate } from "../tensor/dtype.js";

/**
 * The batch's columns, which hold `from`'s types, in `to`'s types; what is the same already is not copied.
 *
 * @throws DataError for a list that is not as long as its tensor, naming row and column.
 */
export function recastBatch(batch: arrow.RecordBatch, from: Schema, to: Schema, who: Who): arrow.RecordBatch {
  const children = to.fields.map(({ name, type }, i) =>
    recast(batch.data.children[i]!, from.fields[i]!.type, type, { who, column: name }),
  );
  const schema = toArrowSchema(to);
  const type = new arrow.Struct(schema.fields);
  return new arrow.RecordBatch(schema, arrow.makeData({ type, length: batch.numRows, nullCount: 0, children }));
}

interface Place {
  readonly who: Who;
  readonly column: string;
}

function recast(data: arrow.Data, from: ColumnType, to: ColumnType, place: Place): arrow.Data {
  if (sameType(from, to)) return data;
  const { length, nullCount } = data;
  const base = { type: toArrowType(to), length, nullCount, ...(nullCount > 0 && { nullBitmap: bitsOf(data) }) };
  if (typeof from === "object" && typeof to === "object") {
    if (from.kind === "array" && to.kind === "tensor") return tensor(data, from.element, to, base, place);
    if (from.kind === "tensor" && to.kind === "array") {
      const width = widthOf(from);
      const valueOffsets = Int32Array.from({ length: length + 1 }, (_, i) => i * width);
      return make({ ...base, valueOffsets, child: recast(data.children[0]!, from.element, to.element, place) });
    }
    if (from.kind === "tensor" && to.kind === "tensor" && widthOf(from) === widthOf(to)) {
      return make({ ...base, child: recast(data.children[0]!, from.element, to.element, place) });
    }
    if (from.kind === "array" && to.kind === "array") {
      const child = recast(data.children[0]!, from.element, to.element, place);
      return make({ ...base, valueOffsets: data.valueOffsets, child });
    }
    if (from.kind === "struct" && to.kind === "struct") {
      const children = to.fields.map(({ type }, i) => recast(data.children[i]!, from.fields[i]!.type, type, place));
      return make({ ...base, children });
    }
  }
  if (to === "ubigint") return make({ ...base, data: wordsToNumbers(data) });
  if (from === "ubigint") return make({ ...base, data: numbersToWords(data) });
  if (isNumeric(from) && isNumeric(to)) {
    const values = allocate(dtypeOf(to), length);
    const source = data.values as ArrayLike<number | bigint>;
    const isWide = values instanceof BigInt64Array || values instanceof BigUint64Array;
    for (let i = 0; i < length; i++) values[i] = isWide ? BigInt(source[i]!) : Number(source[i]);
    return make({ ...base, data: values });
  }
  throw internal(`column "${place.column}" cannot be made ${formatType(to)} from ${formatType(from)}`);
}

function tensor(
  data: arrow.Data,
  element: ColumnType,
  to: Extract<ColumnType, { kind: "tensor" }>,
  base: object,
  { who, column }: Place,
): arrow.Data {
  const width = widthOf(to);
  const offsets = data.valueOffsets as Int32Array;
  const child = data.children[0]!;
  const first = Number(offsets[0] ?? 0);
  let isDense = true;
  for (let row = 0; row < data.length; row++) {
    const found = Number(offsets[row + 1]) - Number(offsets[row]);
    if (found === width) continue;
    if (data.getValid(row)) {
      const message = `row ${row} of column "${column}" has ${found} numbers, expected ${width} (${formatType(to)})`;
      throw new DataError(who, message, { code: "BAD_ROW", row, column });
    }
    isDense = false;
  }
  if (isDense) {
    const items = child.slice(first, width * data.length);
    return make({ ...base, child: recast(items, element, to.element, { who, column }) });
  }
  // null rows hold nothing in a list, but their place in a tensor
  const items = recast(child, element, to.element, { who, column });
  const values = allocate(dtypeOf(to.element), width * data.length);
  const source = items.values as typeof values;
  for (let row = 0; row < data.length; row++) {
    if (!data.getValid(row)) continue;
    const at = Number(offsets[row]);
    (values as Float32Array).set(source.subarray(at, at + width) as Float32Array, row * width);
  }
  const dense = make({ type: toArrowType(to.element), length: values.length, nullCount: 0, data: values });
  return make({ ...base, child: dense });
}

/** Validity from the first bit on: sliced data begins anywhere. */
function bitsOf(data: arrow.Data): Uint8Array {
  if (data.offset === 0) return data.nullBitmap!;
  const bits = new Uint8Array((data.length + 7) >> 3);
  for (let i = 0; i < data.length; i++) if (data.getValid(i)) bits[i >> 3]! |= 1 << (i & 7);
  return bits;
}

/** 128-bit decimals without fraction that fit 64 bits. */
function wordsToNumbers({ values, length }: arrow.Data): BigUint64Array {
  const words = values as Uint32Array;
  return BigUint64Array.from({ length }, (_, i) => (BigInt(words[i * 4 + 1]!) << 32n) | BigInt(words[i * 4]!));
}

function numbersToWords({ values, length }: arrow.Data): Uint32Array {
  const words = new Uint32Array(length * 4);
  for (let i = 0; i < length; i++) {
    const value = (values as BigUint64Array)[i]!;
    words[i * 4] = Number(value & 0xffffffffn);
    words[i * 4 + 1] = Number(value >> 32n);
  }
  return words;
}

// arrow.makeData is overloaded by type class; ours is chosen at run time
function make(props: object): arrow.Data {
  return arrow.makeData(props as Parameters<typeof arrow.makeData>[0]);
}
