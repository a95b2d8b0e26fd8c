/** @file A record batch as a flat list of buffers, which threads hand over without a copy; the types are known to both. */

import * as arrow from "apache-arrow";

/** A batch without its schema. */
export interface PackedBatch {
  readonly rows: number;
  /** Length and number of nulls of each column and of the columns within, parents first. */
  readonly counts: readonly number[];
  /** Validity bits, offsets and values of the same, those there are; null where all values are valid. */
  readonly buffers: readonly (ArrayBufferView | null)[];
}

/** Bytes of all buffers. */
export function packedBytes(packed: PackedBatch): number {
  return packed.buffers.reduce((sum, buffer) => sum + (buffer?.byteLength ?? 0), 0);
}

/** Buffers that can be moved to another thread; for batches whose buffers nobody else uses. */
export function transferable(packed: PackedBatch): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const view of packed.buffers) if (view !== null && view.buffer instanceof ArrayBuffer) buffers.add(view.buffer);
  return [...buffers];
}

/**
 * What becomes of a batch's buffers: copied; given away, for those who own them (small parts of large buffers are copied
 * then too); or lent, to whom leaves them as they are.
 */
export type Handover = "copied" | "given" | "lent";

export function packBatch(batch: arrow.RecordBatch, how: Handover): PackedBatch {
  const counts: number[] = [];
  const buffers: (ArrayBufferView | null)[] = [];
  for (const data of batch.data.children) pack(data, 0, data.length, how, counts, buffers);
  return { rows: batch.numRows, counts, buffers };
}

export function unpackBatch(packed: PackedBatch, schema: arrow.Schema): arrow.RecordBatch {
  const cursor = { count: 0, buffer: 0 };
  const children = schema.fields.map((field) => unpack(field.type, packed, cursor));
  const type = new arrow.Struct(schema.fields);
  const data = arrow.makeData({ type, length: packed.rows, nullCount: 0, children });
  return new arrow.RecordBatch(schema, data);
}

type Values = Uint8Array | Int32Array;

/** Packs items `from` to `from + length` of `data`. */
function pack(
  data: arrow.Data,
  from: number,
  length: number,
  how: Handover,
  counts: number[],
  buffers: (ArrayBufferView | null)[],
): void {
  const T = arrow.DataType;
  const { type } = data;
  if (T.isNull(type)) {
    counts.push(length, length);
    return;
  }
  const whole = from === 0 && length === data.length;
  const nullCount = data.nullCount === 0 ? 0 : whole ? data.nullCount : countNulls(data, from, length);
  counts.push(length, nullCount);
  buffers.push(nullCount === 0 ? null : bits(data.nullBitmap!, data.offset + from, length, how));
  if (T.isBool(type)) {
    buffers.push(bits(data.values, data.offset + from, length, how));
  } else if (T.isUtf8(type) || T.isBinary(type) || T.isList(type) || T.isMap(type)) {
    const offsets = (data.valueOffsets as Int32Array).subarray(from, from + length + 1);
    const start = offsets[0] ?? 0;
    const end = offsets[length] ?? 0;
    buffers.push(start === 0 && offsets.length > 0 ? handed(offsets, how) : shifted(offsets, length, start));
    if (T.isUtf8(type) || T.isBinary(type)) buffers.push(handed(data.values.subarray(start, end), how));
    else pack(data.children[0]!, start, end - start, how, counts, buffers);
  } else if (T.isFixedSizeList(type)) {
    pack(data.children[0]!, from * type.listSize, length * type.listSize, how, counts, buffers);
  } else if (T.isStruct(type)) {
    for (const child of data.children) pack(child, from, length, how, counts, buffers);
  } else {
    const { stride } = data;
    buffers.push(handed((data.values as Values).subarray(from * stride, (from + length) * stride), how));
  }
}

function unpack(type: arrow.DataType, packed: PackedBatch, cursor: { count: number; buffer: number }): arrow.Data {
  const T = arrow.DataType;
  const length = packed.counts[cursor.count++]!;
  const nullCount = packed.counts[cursor.count++]!;
  if (T.isNull(type)) return make({ type, length });
  const nullBitmap = packed.buffers[cursor.buffer++] ?? undefined;
  const base = { type, length, nullCount, ...(nullBitmap && { nullBitmap }) };
  if (T.isUtf8(type) || T.isBinary(type)) {
    const valueOffsets = packed.buffers[cursor.buffer++];
    return make({ ...base, valueOffsets, data: packed.buffers[cursor.buffer++] });
  }
  if (T.isList(type) || T.isMap(type)) {
    const valueOffsets = packed.buffers[cursor.buffer++];
    return make({ ...base, valueOffsets, child: unpack(type.children[0]!.type, packed, cursor) });
  }
  if (T.isFixedSizeList(type)) return make({ ...base, child: unpack(type.children[0]!.type, packed, cursor) });
  if (T.isStruct(type))
    return make({ ...base, children: type.children.map((field) => unpack(field.type, packed, cursor)) });
  return make({ ...base, data: packed.buffers[cursor.buffer++] });
}

/** The view itself where that may be, else a copy. */
function handed<V extends ArrayBufferView>(view: V, how: Handover): V {
  if (how === "lent" || view.buffer instanceof SharedArrayBuffer) return view;
  if (how === "given" && view.byteLength * 2 >= view.buffer.byteLength) return view;
  return (view as unknown as { slice(): V }).slice();
}

function shifted(offsets: Int32Array, length: number, start: number): Int32Array {
  const result = new Int32Array(length + 1);
  for (let i = 0; i < offsets.length; i++) result[i] = offsets[i]! - start;
  return result;
}

function bits(source: Uint8Array, from: number, length: number, how: Handover): Uint8Array {
  if (from % 8 === 0) return handed(source.subarray(from >> 3, (from + length + 7) >> 3), how);
  const result = new Uint8Array((length + 7) >> 3);
  for (let i = 0; i < length; i++) {
    if ((source[(from + i) >> 3]! >> ((from + i) & 7)) & 1) result[i >> 3]! |= 1 << (i & 7);
  }
  return result;
}

function countNulls(data: arrow.Data, from: number, length: number): number {
  let count = 0;
  for (let i = from; i < from + length; i++) if (!data.getValid(i)) count++;
  return count;
}

// arrow.makeData is overloaded by type class; ours is chosen at run time
function make(props: object): arrow.Data {
  return arrow.makeData(props as Parameters<typeof arrow.makeData>[0]);
}
