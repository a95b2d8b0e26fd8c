/** @file Arrow data of one type after another, as one. */

import * as arrow from "apache-arrow";
import { takeData } from "./take.js";

/** The parts, which have one type, in a row. One part alone is not copied. */
export function concatData(parts: readonly arrow.Data[]): arrow.Data {
  const [first] = parts as [arrow.Data];
  if (parts.length === 1) return first;
  const T = arrow.DataType;
  const { type } = first;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const validity = concatValidity(parts, length);
  // arrow.makeData is overloaded by type class; ours is chosen at run time
  const make = (props: object) =>
    arrow.makeData({ type, length, ...validity, ...props } as Parameters<typeof arrow.makeData>[0]);
  const childOf = (part: arrow.Data, from: number, to: number, child = 0): arrow.Data => {
    const data = part.children[child]!;
    return from === 0 && to === data.length ? data : data.slice(from, to - from);
  };

  if (T.isNull(type)) return make({});
  if (T.isBool(type)) {
    const bits = new Uint8Array((length + 7) >> 3);
    eachRow(parts, (part, row, at) => {
      const bit = part.offset + row;
      if ((part.values[bit >> 3]! >> (bit & 7)) & 1) bits[at >> 3]! |= 1 << (at & 7);
    });
    return make({ data: bits });
  }
  if (T.isStruct(type)) {
    const children = type.children.map((_, i) => concatData(parts.map((part) => childOf(part, 0, part.length, i))));
    return make({ children });
  }
  if (T.isFixedSizeList(type)) {
    return make({ child: concatData(parts.map((part) => childOf(part, 0, part.length * type.listSize))) });
  }
  if (T.isUtf8(type) || T.isBinary(type) || T.isList(type) || T.isMap(type)) {
    const valueOffsets = new Int32Array(length + 1);
    let at = 0;
    const ranges = parts.map((part) => {
      const offsets = part.valueOffsets;
      const from = Number(offsets[0] ?? 0);
      for (let row = 0; row < part.length; row++, at++) {
        valueOffsets[at + 1] = valueOffsets[at]! + Number(offsets[row + 1]) - Number(offsets[row]);
      }
      return { part, from, to: part.length === 0 ? from : Number(offsets[part.length]) };
    });
    if (T.isList(type) || T.isMap(type)) {
      return make({ valueOffsets, child: concatData(ranges.map(({ part, from, to }) => childOf(part, from, to))) });
    }
    const data = new Uint8Array(valueOffsets[length]!);
    let byte = 0;
    for (const { part, from, to } of ranges) {
      data.set((part.values as Uint8Array).subarray(from, to), byte);
      byte += to - from;
    }
    return make({ valueOffsets, data });
  }
  const { stride, values } = first;
  const Values = values.constructor as new (length: number) => Float32Array;
  const data = new Values(length * stride);
  let at = 0;
  for (const part of parts) {
    data.set((part.values as Float32Array).subarray(0, part.length * stride), at);
    at += part.length * stride;
  }
  return make({ data });
}

/** Rows of `data` by their numbers; null where the number is -1. @param nothing data of one null row of the same type */
export function takeOrNull(data: arrow.Data, rows: Int32Array, nothing: arrow.Data): arrow.Data {
  const last = data.length;
  return takeData(
    concatData([data, nothing]),
    rows.map((row) => (row < 0 ? last : row)),
  );
}

function concatValidity(parts: readonly arrow.Data[], length: number): { nullCount: number; nullBitmap?: Uint8Array } {
  if (parts.every(({ nullCount }) => nullCount === 0)) return { nullCount: 0 };
  const nullBitmap = new Uint8Array((length + 7) >> 3);
  let nullCount = 0;
  eachRow(parts, (part, row, at) => {
    if (part.getValid(row)) nullBitmap[at >> 3]! |= 1 << (at & 7);
    else nullCount++;
  });
  return { nullCount, nullBitmap };
}

function eachRow(parts: readonly arrow.Data[], see: (part: arrow.Data, row: number, at: number) => void): void {
  let at = 0;
  for (const part of parts) for (let row = 0; row < part.length; row++) see(part, row, at++);
}
