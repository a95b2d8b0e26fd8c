/** @file Tensor: a typed array with a shape. */

import { ShapeError } from "../errors.js";
import { allocate, type DataOf, type DType, dtypes, holds } from "./dtype.js";
import { formatShape, type Shape, sizeOf } from "./shape.js";

/**
 * An n-dimensional array, row-major. The data is not copied; treat it as read-only once it is in a tensor.
 *
 * @throws ShapeError when the data's length is not the product of the shape, or its array is of another dtype.
 * @example
 * const x = new Tensor("float32", new Float32Array([1, 2, 3, 4]), [2, 2]);
 */
export class Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly data: DataOf[D];
  readonly shape: Shape;

  constructor(dtype: D, data: DataOf[D], shape: Shape = [data.length]) {
    if (!dtypes.includes(dtype)) {
      throw new ShapeError("Tensor", `dtype must be one of ${dtypes.join(", ")}, got ${JSON.stringify(dtype)}`);
    }
    if (!holds(dtype, data)) {
      throw new ShapeError("Tensor", `data of dtype ${dtype} must be a ${allocate(dtype, 0).constructor.name}`);
    }
    if (!shape.every((dim) => Number.isInteger(dim) && dim >= 0)) {
      throw new ShapeError("Tensor", `sizes must be whole numbers of at least 0, got ${formatShape(shape)}`);
    }
    if (sizeOf(shape) !== data.length) {
      throw new ShapeError("Tensor", `shape ${formatShape(shape)} holds ${sizeOf(shape)} elements, got ${data.length}`);
    }
    this.dtype = dtype;
    this.data = data;
    this.shape = Object.freeze([...shape]);
  }

  /** Number of elements. */
  get size(): number {
    return this.data.length;
  }

  /** A tensor of zeros (empty strings for `string`). */
  static zeros<D extends DType>(dtype: D, shape: Shape): Tensor<D> {
    return new Tensor(dtype, allocate(dtype, sizeOf(shape)), shape);
  }

  /** A float32 tensor without dimensions. */
  static scalar(value: number): Tensor<"float32"> {
    return new Tensor("float32", new Float32Array([value]), []);
  }

  /** The same elements in another shape of the same size. */
  reshape(shape: Shape): Tensor<D> {
    return new Tensor(this.dtype, this.data, shape);
  }

  /** Elements as ordinary numbers; int64 values beyond 2^53 lose precision. */
  toNumbers(): number[] {
    return Array.from(this.data as ArrayLike<unknown>, Number);
  }

  toString(): string {
    return `Tensor(${this.dtype}, ${formatShape(this.shape)})`;
  }
}
