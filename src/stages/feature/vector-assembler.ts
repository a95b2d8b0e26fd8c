/** @file VectorAssembler: number and vector columns side by side in one vector column. */

import * as arrow from "apache-arrow";
import { withColumns } from "../../data/columns.js";
import { dataOf, matrixOf, numbersOf } from "../../data/read-columns.js";
import type { Schema } from "../../data/schema.js";
import { arrayOf, type ColumnType, isVector, tensorOf, widthOf } from "../../data/types.js";
import { ParamError } from "../../errors.js";
import { type BatchFunction, Transformer } from "../../pipeline/stage.js";
import { columnName, columnNames, defineParams, type Input } from "../../util/params.js";
import { badRow, handleInvalid, skipRows } from "./rows.js";
import { vectorColumn } from "./vectors.js";

const params = defineParams({
  inputCols: columnNames("number and vector columns, in the order of the result"),
  outputCol: columnName("vector column to add"),
  handleInvalid,
});

/**
 * Puts number, boolean and vector columns side by side into one vector, as in Spark ML. Vectors are dense float32: doubles
 * are rounded to it. The result is a tensor `float[n]`, or `array<float>` where an input is an array of unknown length.
 *
 * `handleInvalid` is about nulls, and NaN in number columns: "error" (default) names the row, "skip" leaves it out, "keep"
 * writes NaN. NaN inside a vector is kept, as in Spark ML.
 *
 * @throws SchemaError for a column that is missing or no number or vector; DataError (code BAD_ROW) for an invalid row.
 * @example
 * new VectorAssembler({ inputCols: ["length", "width", "embedding"], outputCol: "features" }).transform(flowers);
 */
export class VectorAssembler extends Transformer<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
    if (this.params.inputCols.length === 0)
      throw new ParamError(this, "inputCols must name at least one column, got []");
  }

  override get dropsRows(): boolean {
    return this.params.handleInvalid === "skip";
  }

  override get readsColumns(): readonly string[] {
    return this.params.inputCols;
  }

  transformSchema(schema: Schema): Schema {
    return schema.with(this.params.outputCol, this.#outputType(schema), this);
  }

  open(schema: Schema): BatchFunction {
    const { inputCols, outputCol, handleInvalid } = this.params;
    const type = this.#outputType(schema);
    return (batch) => {
      const kept =
        handleInvalid === "skip"
          ? skipRows(
              batch,
              inputCols.map((name) => holesOf(dataOf(batch, name))),
            )
          : batch;
      const rows = kept.numRows;
      const parts = inputCols.map((name) => this.#read(dataOf(kept, name), name));
      const width = parts.reduce((sum, part) => sum + part.width, 0);
      const values = new Float32Array(rows * width);
      let at = 0;
      for (const part of parts) {
        for (let row = 0; row < rows; row++) {
          for (let i = 0; i < part.width; i++) values[row * width + at + i] = part.values[row * part.width + i]!;
        }
        at += part.width;
      }
      return withColumns(kept, { [outputCol]: vectorColumn(type, values, width, rows) });
    };
  }

  #outputType(schema: Schema): ColumnType {
    let width = 0;
    for (const name of this.params.inputCols) {
      const type = schema.require(name, this, "inputCols");
      if (!isVector(type)) schema.requireNumber(name, this, "inputCols");
      if (isVector(type) && type.kind === "array") width = Number.NaN;
      width += typeof type === "object" && type.kind === "tensor" ? widthOf(type) : 1;
    }
    return Number.isNaN(width) ? arrayOf("float") : tensorOf("float", [width]);
  }

  #read(data: arrow.Data, name: string): { values: ArrayLike<number>; width: number } {
    const isKept = this.params.handleInvalid === "keep";
    if (data.type.children?.length) {
      return isKept ? withoutHoles(data, this, name) : matrixOf(data, this, name);
    }
    const values = numbersOf(data);
    const bad = isKept ? -1 : values.findIndex(Number.isNaN);
    if (bad >= 0) {
      const found = data.getValid(bad) && !arrow.DataType.isNull(data.type) ? "NaN" : "null";
      throw badRow(this, name, bad, `is ${found}; fill it, or set handleInvalid to "skip" or "keep"`);
    }
    return { values, width: 1 };
  }
}

/** Whether a row is null, NaN (numbers), or holds a null (vectors). */
function holesOf(data: arrow.Data): (row: number) => boolean {
  const items = data.type.children?.length ? data.children[0] : undefined;
  if (items === undefined) {
    const values = numbersOf(data);
    return (row) => Number.isNaN(values[row]);
  }
  const bounds = boundsOf(data);
  return (row) => {
    if (!data.getValid(row)) return true;
    if (items.nullCount > 0) for (let i = bounds(row); i < bounds(row + 1); i++) if (!items.getValid(i)) return true;
    return false;
  };
}

/** A vector column with NaN for nulls. */
function withoutHoles(
  data: arrow.Data,
  stage: VectorAssembler,
  name: string,
): { values: ArrayLike<number>; width: number } {
  const bounds = boundsOf(data);
  const width = widthIn(data);
  if (width === undefined) {
    throw badRow(stage, name, 0, 'is null, and no row tells how long its vectors are; set handleInvalid to "skip"');
  }
  const numbers = numbersOf(data.children[0]!);
  const values = new Float64Array(data.length * width).fill(Number.NaN);
  for (let row = 0; row < data.length; row++) {
    if (!data.getValid(row)) continue;
    const length = bounds(row + 1) - bounds(row);
    if (length !== width)
      throw badRow(stage, name, row, `has ${length} numbers, expected ${width} as in the rows before`);
    values.set(numbers.subarray(bounds(row), bounds(row + 1)), row * width);
  }
  return { values, width };
}

/** Numbers per row; undefined where every row is null. */
function widthIn(data: arrow.Data): number | undefined {
  if (arrow.DataType.isFixedSizeList(data.type)) return data.type.listSize;
  const bounds = boundsOf(data);
  for (let row = 0; row < data.length; row++) if (data.getValid(row)) return bounds(row + 1) - bounds(row);
  return data.length === 0 ? 0 : undefined;
}

/** Where the items of a row begin. */
function boundsOf(data: arrow.Data): (row: number) => number {
  if (arrow.DataType.isFixedSizeList(data.type)) {
    const { listSize } = data.type;
    return (row) => row * listSize;
  }
  return (row) => Number(data.valueOffsets[row]);
}
