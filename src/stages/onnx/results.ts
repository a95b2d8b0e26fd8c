/** @file What a model gives, gathered batch by batch into columns. */

import {
  booleanColumn,
  type Column,
  listColumn,
  numberColumn,
  stringColumn,
  tensorColumn,
  type Valid,
} from "../../data/columns.js";
import { arrayOf, type ColumnType, isNumeric, type NumericType, numericTypeOf, tensorOf } from "../../data/types.js";
import { GraphError, SchemaError, ShapeError, type Who } from "../../errors.js";
import type { ValueInfo } from "../../graph/types.js";
import type { NumericArray } from "../../tensor/dtype.js";
import { allocate, type DataOf, type DType, dtypes } from "../../tensor/dtype.js";
import { fromHalf } from "../../tensor/half.js";
import { formatShape, sameShape, sizeOf } from "../../tensor/shape.js";
import type { Tensor } from "../../tensor/tensor.js";
import { describeValue } from "./signature.js";

/** A fetched tensor and the column it becomes. */
export interface FetchPlan {
  readonly tensor: string;
  readonly dtype: DType;
  /** Sizes of one row; undefined where they are known only after running. */
  readonly rowShape: readonly number[] | undefined;
  readonly type: ColumnType;
}

/** @param sizes named sizes that the fed columns decide */
export function planFetch(output: ValueInfo, sizes: ReadonlyMap<string, number>, who: Who): FetchPlan {
  const { name: tensor, shape } = output;
  // not every operator's shape rule is known here; most tensors are float32, and opening checks
  const dtype = dtypes.find((known) => known === (output.dtype ?? "float32"));
  if (dtype === undefined || dtype === "bfloat16") {
    throw new SchemaError(who, `tensor ${describeValue(output)} has a dtype that no column holds; fetch another one`);
  }
  if (shape?.length === 0) {
    throw new SchemaError(who, `tensor ${describeValue(output)} has no dimension for the rows; fetch another one`);
  }
  const dims = shape?.slice(1).map((dim) => (typeof dim === "string" ? (sizes.get(dim) ?? -1) : dim));
  const rowShape = dims?.every((dim) => dim > 0) ? dims : undefined;
  return { tensor, dtype, rowShape, type: typeFor(dtype, rowShape) };
}

function typeFor(dtype: DType, rowShape: readonly number[] | undefined): ColumnType {
  const element = dtype === "string" ? "string" : dtype === "bool" ? "boolean" : elementFor(dtype);
  if (rowShape?.length === 0) return element;
  if (dtype === "string") return arrayOf("string");
  const number = element === "boolean" ? "utinyint" : (element as NumericType);
  return rowShape === undefined ? arrayOf(number) : tensorOf(number, rowShape);
}

function elementFor(dtype: DType): NumericType {
  return dtype === "float16" ? "float" : numericTypeOf(dtype)!;
}

/** Takes the tensors of one fetch, batch after batch, and makes a column of them. */
export class Gathered {
  readonly #plan: FetchPlan;
  readonly #rows: number;
  readonly #who: Who;
  readonly #offsets: Int32Array;
  readonly #parts: DataOf[DType][] = [];
  #row = 0;

  constructor(plan: FetchPlan, rows: number, who: Who) {
    this.#plan = plan;
    this.#rows = rows;
    this.#who = who;
    this.#offsets = new Int32Array(rows + 1);
  }

  /** @param rows the first rows of the tensor that count. @throws ShapeError where it does not hold one part per row. */
  add({ dtype, shape, data }: Tensor, fed: number, rows: number): void {
    const { tensor, rowShape } = this.#plan;
    if (dtype !== this.#plan.dtype) {
      throw new GraphError(
        this.#who,
        `tensor "${tensor}" is ${dtype}, not ${this.#plan.dtype}; name its dtype in the model's outputs`,
      );
    }
    if (shape[0] !== fed || (rowShape !== undefined && !sameShape(shape.slice(1), rowShape))) {
      const expected = formatShape([fed, ...(rowShape ?? ["?"])]);
      throw new ShapeError(
        this.#who,
        `tensor "${tensor}" must be ${expected} for ${fed} rows, got ${formatShape(shape)}`,
      );
    }
    const width = sizeOf(shape.slice(1));
    const kept = rows === fed ? data : (data.slice(0, rows * width) as DataOf[DType]);
    this.#parts.push(dtype === "float16" ? fromHalf(kept as Uint16Array) : kept);
    for (let i = 0; i < rows; i++, this.#row++) this.#offsets[this.#row + 1] = this.#offsets[this.#row]! + width;
  }

  /** All values, one row after the other. */
  values(): DataOf[DType] {
    const { dtype } = this.#plan;
    if (this.#parts.length === 1) return this.#parts[0]!;
    if (dtype === "string") return this.#parts.flat() as string[];
    const all = allocate(dtype === "float16" ? "float32" : dtype, this.#offsets[this.#rows]!) as NumericArray;
    let at = 0;
    for (const part of this.#parts) {
      all.set(part as NumericArray, at);
      at += part.length;
    }
    return all;
  }

  /** Where each row's values begin; a copy, for another column. */
  get offsets(): Int32Array {
    return this.#offsets.slice();
  }

  column(valid: Valid): Column {
    const { type, rowShape } = this.#plan;
    return columnOf(type, this.values(), this.#offsets, rowShape, valid);
  }
}

/** Values as a column of the type. */
export function columnOf(
  type: ColumnType,
  values: DataOf[DType],
  offsets: Int32Array,
  rowShape: readonly number[] | undefined,
  valid: Valid,
): Column {
  if (Array.isArray(values)) {
    if (type === "string") return stringColumn(values.map((text, row) => (valid?.(row) === false ? null : text)));
    return listColumn(stringColumn(values), offsets, valid);
  }
  if (type === "boolean") return booleanColumn(values as Uint8Array, valid);
  if (isNumeric(type)) return numberColumn(type, values, valid);
  const element = (type as { readonly element: NumericType }).element;
  if (rowShape !== undefined) return tensorColumn(element, rowShape, values, valid, offsets.length - 1);
  return listColumn(numberColumn(element, values), offsets, valid);
}
