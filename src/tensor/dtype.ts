/** @file Element types of tensors: their names (as ONNX Runtime spells them), sizes and typed arrays. */

/** Element type of a tensor. `float16` and `bfloat16` are stored as 16-bit patterns, `bool` as bytes 0 and 1. */
export type DType = keyof DataOf;

/** The array that holds the elements of each dtype. */
export interface DataOf {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
  string: string[];
}

export type NumericArray = Exclude<DataOf[DType], string[] | BigInt64Array | BigUint64Array>;

interface TypedArrayConstructor<A> {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): A;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): A;
}

const constructors: { readonly [D in Exclude<DType, "string">]: TypedArrayConstructor<DataOf[D]> } = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

export const dtypes: readonly DType[] = [...(Object.keys(constructors) as DType[]), "string"];

/** Bytes per element; strings have none. */
export function bytesPerElement(dtype: Exclude<DType, "string">): number {
  return constructors[dtype].BYTES_PER_ELEMENT;
}

/** A zero-filled array of `length` elements (empty strings for `string`). */
export function allocate<D extends DType>(dtype: D, length: number): DataOf[D] {
  if (dtype === "string") return new Array<string>(length).fill("") as DataOf[D];
  return new constructors[dtype as Exclude<DType, "string">](length) as DataOf[D];
}

/** Views bytes as elements; copies first where the bytes are not aligned for the dtype. */
export function fromBytes<D extends Exclude<DType, "string">>(dtype: D, bytes: Uint8Array): DataOf[D] {
  const size = bytesPerElement(dtype);
  // a copy by the constructor: slice() of a Node Buffer would be a view
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new constructors[dtype](
    aligned.buffer,
    aligned.byteOffset,
    Math.floor(aligned.byteLength / size),
  ) as DataOf[D];
}

export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64" || dtype === "float16" || dtype === "bfloat16";
}

export function isBigInt(dtype: DType): dtype is "int64" | "uint64" {
  return dtype === "int64" || dtype === "uint64";
}

/** Whether `data` is the kind of array that holds `dtype`. */
export function holds(dtype: DType, data: unknown): boolean {
  return dtype === "string" ? Array.isArray(data) : data instanceof constructors[dtype];
}
