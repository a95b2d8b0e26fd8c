/** @file Picks rows out of Arrow data by their numbers, for every type, without going through JavaScript values. */

import * as arrow from "apache-arrow";

/** Rows of `data` in the order of `rows`. */
export function takeData(data: arrow.Data, rows: ArrayLike<number>): arrow.Data {
  const length = rows.length;
  const { type } = data;
  const T = arrow.DataType;
  const validity = takeValidity(data, rows);
  const make = (props: object) =>
    arrow.makeData({ type, length, ...validity, ...props } as Parameters<typeof arrow.makeData>[0]);

  if (T.isNull(type)) return make({});
  if (T.isStruct(type)) return make({ children: data.children.map((child) => takeData(child, rows)) });
  if (T.isFixedSizeList(type)) {
    const width = type.listSize;
    const items = new Int32Array(length * width);
    for (let i = 0; i < items.length; i++) items[i] = rows[Math.floor(i / width)]! * width + (i % width);
    return make({ child: takeData(data.children[0]!, items) });
  }
  if (T.isList(type) || T.isMap(type)) {
    const { offsets, ranges } = takeOffsets(data, rows);
    const items = new Int32Array(offsets[length]!);
    for (let i = 0; i < length; i++) {
      for (let j = offsets[i]!; j < offsets[i + 1]!; j++) items[j] = ranges[i]! + j - offsets[i]!;
    }
    return make({ valueOffsets: offsets, child: takeData(data.children[0]!, items) });
  }
  if (T.isUtf8(type) || T.isBinary(type)) {
    const { offsets, ranges } = takeOffsets(data, rows);
    const bytes = new Uint8Array(offsets[length]!);
    for (let i = 0; i < length; i++) {
      const size = offsets[i + 1]! - offsets[i]!;
      bytes.set(data.values.subarray(ranges[i]!, ranges[i]! + size), offsets[i]!);
    }
    return make({ valueOffsets: offsets, data: bytes });
  }
  if (T.isBool(type)) {
    const bits = new Uint8Array((length + 7) >> 3);
    for (let i = 0; i < length; i++) {
      const bit = data.offset + rows[i]!;
      if ((data.values[bit >> 3]! >> (bit & 7)) & 1) bits[i >> 3]! |= 1 << (i & 7);
    }
    return make({ data: bits });
  }
  if (T.isDictionary(type)) return make({ data: takeValues(data, rows), dictionary: data.dictionary });
  return make({ data: takeValues(data, rows) });
}

function takeValues(data: arrow.Data, rows: ArrayLike<number>): unknown {
  const { values, stride } = data;
  const Values = values.constructor as new (length: number) => typeof values;
  const taken = new Values(rows.length * stride);
  for (let i = 0; i < rows.length; i++) {
    for (let j = 0; j < stride; j++) taken[i * stride + j] = values[rows[i]! * stride + j];
  }
  return taken;
}

function takeOffsets(data: arrow.Data, rows: ArrayLike<number>): { offsets: Int32Array; ranges: Int32Array } {
  const offsets = new Int32Array(rows.length + 1);
  const ranges = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const from = Number(data.valueOffsets[rows[i]!]);
    ranges[i] = from;
    offsets[i + 1] = offsets[i]! + Number(data.valueOffsets[rows[i]! + 1]) - from;
  }
  return { offsets, ranges };
}

function takeValidity(data: arrow.Data, rows: ArrayLike<number>): { nullCount: number; nullBitmap?: Uint8Array } {
  if (data.nullCount === 0) return { nullCount: 0 };
  const nullBitmap = new Uint8Array((rows.length + 7) >> 3);
  let nullCount = 0;
  for (let i = 0; i < rows.length; i++) {
    if (data.getValid(rows[i]!)) nullBitmap[i >> 3]! |= 1 << (i & 7);
    else nullCount++;
  }
  return { nullCount, nullBitmap };
}
