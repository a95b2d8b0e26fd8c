/** @file Shapes: sizes, strides, NumPy broadcasting. */

import { ShapeError } from "../errors.js";

export type Shape = readonly number[];

/** Number of elements; 1 for a scalar's empty shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

/** Elements to step over per dimension, row-major. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  for (let i = shape.length - 1, stride = 1; i >= 0; stride *= shape[i]!, i--) strides[i] = stride;
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/**
 * The shape two operands are stretched to, by NumPy's rule: sizes are compared from the last one, 1 stretches.
 *
 * @throws ShapeError where two sizes differ and neither is 1.
 * @example broadcast([4, 1], [3]) // [4, 3]
 */
export function broadcast(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const m = a[i - rank + a.length] ?? 1;
    const n = b[i - rank + b.length] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new ShapeError("broadcast", `shapes ${formatShape(a)} and ${formatShape(b)} do not fit: ${m} against ${n}`);
    }
    return m === 1 ? n : m;
  });
}

/** `[batch, 3, 224]`: names and `?` stand for sizes not known. */
export function formatShape(shape: readonly (number | string | undefined)[]): string {
  return `[${shape.map((dim) => dim ?? "?").join(", ")}]`;
}
