/** @file Element types of ONNX tensors: their codes in files, their names, their sizes. */

import { type DType, dtypes } from "../tensor/dtype.js";

/**
 * Name of an element type: one that a Tensor can hold, or one that only passes through (`complex64`, `float8e4m3fn`, `int4`,
 * or `type<code>` for a code newer than this table).
 */
export type ElementType = DType | (string & {});

/** Name and bits per element by code; 0 bits where an element has no fixed size. */
const byCode: readonly (readonly [name: string, bits: number])[] = [
  ["undefined", 0],
  ["float32", 32],
  ["uint8", 8],
  ["int8", 8],
  ["uint16", 16],
  ["int16", 16],
  ["int32", 32],
  ["int64", 64],
  ["string", 0],
  ["bool", 8],
  ["float16", 16],
  ["float64", 64],
  ["uint32", 32],
  ["uint64", 64],
  ["complex64", 64],
  ["complex128", 128],
  ["bfloat16", 16],
  ["float8e4m3fn", 8],
  ["float8e4m3fnuz", 8],
  ["float8e5m2", 8],
  ["float8e5m2fnuz", 8],
  ["uint4", 4],
  ["int4", 4],
  ["float4e2m1", 4],
  ["float8e8m0", 8],
  ["uint2", 2],
  ["int2", 2],
];

const codes = new Map(byCode.map(([name], code) => [name, code]));
const bits = new Map(byCode);

export function elementTypeOf(code: number): ElementType {
  return byCode[code]?.[0] ?? `type${code}`;
}

/** Code of an element type in ONNX files, also the value of Cast's `to`. */
export function codeOf(type: ElementType): number {
  return codes.get(type) ?? Number(type.replace(/^type/, ""));
}

/** Bytes that `count` elements take, or undefined where the type has no fixed size. */
export function byteLengthOf(type: ElementType, count: number): number | undefined {
  const size = bits.get(type);
  return size === undefined || size === 0 ? undefined : Math.ceil((count * size) / 8);
}

/** Whether a Tensor can hold elements of this type. */
export function isDType(type: ElementType): type is DType {
  return (dtypes as readonly string[]).includes(type);
}
