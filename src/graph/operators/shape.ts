/** @file Builder methods that move elements: shapes, slices, joins, lookups by index. */

import { ShapeError } from "../../errors.js";
import type { DType } from "../../tensor/dtype.js";
import { Tensor } from "../../tensor/tensor.js";
import { tensorOf } from "../attributes.js";
import { type Operand, SymbolicTensor, type Value } from "../value.js";
import { ReduceOperators } from "./reduce.js";

/** Whole numbers known now, or a tensor of int64 known at run time. */
export type Ints = readonly number[] | Value;

export interface SliceOptions {
  readonly axes?: Ints;
  readonly steps?: Ints;
}

export interface PadOptions {
  readonly mode?: "constant" | "reflect" | "edge" | "wrap";
  readonly value?: Operand;
  readonly axes?: Ints;
}

export interface ScatterOptions {
  readonly axis?: number;
  readonly reduction?: "none" | "add" | "mul" | "min" | "max";
}

export class ShapeOperators extends ReduceOperators {
  /** The sizes as an int64 vector. */
  shapeOf(x: Value, { start = 0, end }: { start?: number; end?: number } = {}): Value {
    return this.op("Shape", [x], start === 0 && end === undefined ? {} : { start, end });
  }

  /** Number of elements, an int64 scalar. */
  sizeOf(x: Value): Value {
    return this.op("Size", [x]);
  }

  /** Same elements, other sizes; one -1 is worked out, 0 keeps the size (or is 0 with `allowZero`). */
  reshape(x: Value, shape: Ints, { allowZero = false }: { allowZero?: boolean } = {}): Value {
    if (hasSizes(x, shape)) return x;
    return this.op("Reshape", [x, this.toInts(shape)], allowZero ? { allowzero: 1 } : {});
  }

  /** Two dimensions: those before `axis`, and the rest. */
  flatten(x: Value, axis = 1): Value {
    if (x.rank === 2 && axis === 1) return x;
    return this.op("Flatten", [x], { axis });
  }

  /** Dimensions in another order; default reversed. */
  transpose(x: Value, perm?: readonly number[]): Value {
    return this.op("Transpose", [x], { perm });
  }

  /** The last two dimensions swapped. */
  swapLast(x: Value): Value {
    if (x.rank === undefined) throw new ShapeError("swapLast", `the number of dimensions of "${x.name}" is not known`);
    const perm = Array.from({ length: x.rank }, (_, i) => i);
    return this.transpose(x, [...perm.slice(0, -2), x.rank - 1, x.rank - 2]);
  }

  /** Without the dimensions `axes` of size 1; default all such. */
  squeeze(x: Value, axes?: Ints): Value {
    return this.op("Squeeze", [x, axes === undefined ? undefined : this.toInts(axes)]);
  }

  /** With new dimensions of size 1 at `axes`. */
  unsqueeze(x: Value, axes: Ints): Value {
    return this.op("Unsqueeze", [x, this.toInts(axes)]);
  }

  /** Broadcast to `shape`. */
  expand(x: Value, shape: Ints): Value {
    return this.op("Expand", [x, this.toInts(shape)]);
  }

  tile(x: Value, repeats: Ints): Value {
    return this.op("Tile", [x, this.toInts(repeats)]);
  }

  /** Elements from `starts` up to `ends` (not included) along `axes`; default the first ones. */
  slice(x: Value, starts: Ints, ends: Ints, { axes, steps }: SliceOptions = {}): Value {
    const optional = (ints: Ints | undefined) => (ints === undefined ? undefined : this.toInts(ints));
    return this.op("Slice", [x, this.toInts(starts), this.toInts(ends), optional(axes), optional(steps)]);
  }

  /** Joins tensors along an axis. */
  concat(x: Value, others: readonly Value[], { axis }: { axis: number }): Value {
    return this.op("Concat", [x, ...others], { axis });
  }

  /** Parts along an axis: of the given sizes, or a number of equal ones. */
  split(x: Value, parts: readonly number[] | number, { axis = 0 }: { axis?: number } = {}): Value[] {
    if (typeof parts === "number") return this.ops("Split", [x], { axis, num_outputs: parts }, { outputs: parts });
    return this.ops("Split", [x, this.ints(parts)], { axis }, { outputs: parts.length });
  }

  /** Adds elements around: `pads` has all sizes before, then all after. */
  pad(x: Value, pads: Ints, { mode = "constant", value, axes }: PadOptions = {}): Value {
    const fill = typeof value === "number" ? this.constant(value, (x.dtype ?? "float32") as DType) : value;
    const inputs = [x, this.toInts(pads), fill, axes === undefined ? undefined : this.toInts(axes)];
    return this.op("Pad", inputs, { mode });
  }

  /** Rows of `x` by number along an axis. */
  gather(x: Value, indices: Value | number | readonly number[], { axis = 0 }: { axis?: number } = {}): Value {
    const at = typeof indices === "number" ? this.constant(indices, "int64") : this.toInts(indices);
    return this.op("Gather", [x, at], { axis });
  }

  gatherElements(x: Value, indices: Value, { axis = 0 }: { axis?: number } = {}): Value {
    return this.op("GatherElements", [x, indices], { axis });
  }

  gatherND(x: Value, indices: Value, { batchDims = 0 }: { batchDims?: number } = {}): Value {
    return this.op("GatherND", [x, indices], { batch_dims: batchDims });
  }

  scatterElements(
    x: Value,
    indices: Value,
    updates: Value,
    { axis = 0, reduction = "none" }: ScatterOptions = {},
  ): Value {
    return this.#scatter("ScatterElements", x, indices, updates, { axis, reduction });
  }

  /**
   * `x` with rows of `updates` at places that tuples name. From 210,000 elements on, where places repeat, a session of several
   * threads loses some of what a reduction puts together: give such a session one thread, or use `scatterElements`.
   */
  scatterND(
    x: Value,
    indices: Value,
    updates: Value,
    { reduction = "none" }: Omit<ScatterOptions, "axis"> = {},
  ): Value {
    return this.#scatter("ScatterND", x, indices, updates, { reduction });
  }

  /** Half floats are put together as float32: the runtime has no kernels that do it. */
  #scatter(type: string, x: Value, indices: Value, updates: Value, attrs: { axis?: number; reduction: string }): Value {
    const half = x.dtype === "float16" || x.dtype === "bfloat16";
    if (!half || attrs.reduction === "none") return this.op(type, [x, indices, updates], attrs);
    const sum = this.op(type, [this.cast(x, "float32"), indices, this.cast(updates, "float32")], attrs);
    return this.cast(sum, x.dtype as DType);
  }

  /** One at the index and zero elsewhere, along a new axis; the result has the dtype of `values`, float32 by default. */
  oneHot(
    indices: Value,
    depth: number | Value,
    { axis = -1, dtype = "float32" }: { axis?: number; dtype?: DType } = {},
  ): Value {
    const size = typeof depth === "number" ? this.constant(depth, "int64") : depth;
    return this.op("OneHot", [indices, size, this.constant([0, 1], dtype)], { axis });
  }

  /** A tensor of one value; `shape` is a vector of int64. */
  fill(shape: Value, value: number, dtype: DType = "float32"): Value {
    return this.op("ConstantOfShape", [shape], { value: tensorOf([value], dtype) });
  }

  /** Zeros with the shape and dtype of `x`. */
  zerosLike(x: Value): Value {
    return this.#like(x, 0);
  }

  /** Ones with the shape and dtype of `x`. */
  onesLike(x: Value): Value {
    return this.#like(x, 1);
  }

  /** Numbers from `start` up to `limit` (not included). */
  range(start: Operand, limit: Operand, delta: Operand = 1, dtype: DType = "int64"): Value {
    const scalar = (x: Operand) => (typeof x === "number" ? this.constant(x, dtype) : x);
    return this.op("Range", [scalar(start), scalar(limit), scalar(delta)]);
  }

  /** The upper (or lower) triangle of matrices, the rest zero. */
  trilu(x: Value, { upper = true, k }: { upper?: boolean; k?: number } = {}): Value {
    return this.op("Trilu", [x, k === undefined ? undefined : this.constant(k, "int64")], { upper: Number(upper) });
  }

  /** Whole numbers as an int64 vector of the graph. */
  toInts(ints: Ints): Value {
    return "name" in ints ? ints : this.ints(ints);
  }

  /** The sizes of `x`: a constant where all are known, else computed. */
  shapeLike(x: Value): Value {
    const known = x.shape?.every((dim) => typeof dim === "number");
    return known ? this.ints(x.shape as readonly number[]) : this.shapeOf(x);
  }

  #like(x: Value, value: number): Value {
    const dtype = (x.dtype ?? "float32") as DType;
    if (x.shape?.length === 0) return this.constant(value, dtype);
    return this.op("ConstantOfShape", [this.shapeLike(x)], { value: new Tensor(dtype, tensorOf([value], dtype).data) });
  }
}

/** Whether `x` is known to have these sizes already. */
function hasSizes({ shape }: Value, sizes: Ints): boolean {
  const wanted = sizes instanceof SymbolicTensor ? sizes.elements : sizes;
  if (shape === undefined || shape.length !== wanted?.length) return false;
  return wanted.every((size, i) => typeof size === "number" && size > 0 && size === shape[i]);
}
