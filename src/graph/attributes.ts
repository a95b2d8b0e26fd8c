/** @file Attributes and small constants as callers write them: plain numbers, texts and lists. */

import { GraphError } from "../errors.js";
import { allocate, type DType, isBigInt } from "../tensor/dtype.js";
import { toHalf } from "../tensor/half.js";
import { sizeOf } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { StoredTensor } from "./stored-tensor.js";
import type { Attribute, GraphBody } from "./types.js";

/** An attribute as callers write it: whole numbers are ints; see `float` and `floats` for the rest. */
export type AttrInput =
  | number
  | bigint
  | string
  | readonly number[]
  | readonly string[]
  | Tensor
  | GraphBody
  | Attribute
  | undefined;

export type AttrInputs = Readonly<Record<string, AttrInput>>;

/** A number as a scalar, numbers as a vector, rounded to the dtype. */
export function tensorOf(value: number | readonly number[], dtype: DType): Tensor {
  const values = typeof value === "number" ? [value] : value;
  const shape = typeof value === "number" ? [] : [values.length];
  if (dtype === "float16") return new Tensor("float16", toHalf(values), shape);
  const data = allocate(dtype, sizeOf(shape));
  for (let i = 0; i < values.length; i++) data[i] = isBigInt(dtype) ? BigInt(values[i]!) : values[i]!;
  return new Tensor(dtype, data, shape);
}

/** A float attribute. */
export function float(value: number): { readonly type: "float"; readonly value: number } {
  return { type: "float", value };
}

/** A list of floats as an attribute. */
export function floats(value: readonly number[]): { readonly type: "floats"; readonly value: readonly number[] } {
  return { type: "floats", value };
}

/** @throws GraphError for a number that is not whole. */
export function attributeOf(value: Exclude<AttrInput, undefined>, who: string): Attribute {
  if (typeof value === "string") return { type: "string", value };
  if (typeof value === "bigint") return { type: "int", value };
  if (typeof value === "number") {
    if (Number.isInteger(value)) return { type: "int", value };
    throw new GraphError(who, `a number attribute must be whole, got ${value}; write float(${value}) for a float`);
  }
  if (value instanceof Tensor) return { type: "tensor", value: StoredTensor.of(value) };
  if (Array.isArray(value)) {
    return value.every((item) => typeof item === "string") ? { type: "strings", value } : { type: "ints", value };
  }
  return "nodes" in value ? { type: "graph", value } : (value as Attribute);
}
