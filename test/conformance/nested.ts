/** @file Tensors as nested lists, as JSON of reference values holds them. */

import type { DType } from "../../src/tensor/dtype.js";
import { Tensor } from "../../src/tensor/tensor.js";

export type Nested = number | boolean | readonly Nested[];

export function tensorOf(value: Nested, dtype: "float32" | "float64" | "int64" | "bool"): Tensor<DType> {
  const [numbers, shape] = [flat(value), shapeOf(value)];
  if (dtype === "int64") return new Tensor(dtype, BigInt64Array.from(numbers, BigInt), shape);
  if (dtype === "bool") return new Tensor(dtype, Uint8Array.from(numbers), shape);
  return dtype === "float32"
    ? new Tensor(dtype, Float32Array.from(numbers), shape)
    : new Tensor(dtype, Float64Array.from(numbers), shape);
}

export function shapeOf(value: Nested): number[] {
  return typeof value === "object" ? [value.length, ...shapeOf(value[0]!)] : [];
}

function flat(value: Nested): number[] {
  return typeof value === "object" ? value.flatMap(flat) : [Number(value)];
}
