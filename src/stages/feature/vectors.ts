/** @file Vector columns: dense float32 rows, of a known width (a tensor) or not (an array). */

import { type Column, listColumn, numberColumn, tensorColumn } from "../../data/columns.js";
import type { Schema } from "../../data/schema.js";
import { arrayOf, type ColumnType, tensorOf, widthOf } from "../../data/types.js";
import { SchemaError } from "../../errors.js";
import type { Stage } from "../../pipeline/stage.js";

/** The float column that keeps the form of a vector column. */
export function floatVectorLike(type: ColumnType): ColumnType {
  return typeof type === "object" && type.kind === "tensor" ? tensorOf("float", type.shape) : arrayOf("float");
}

/** Rows of `width` numbers as a column of the type given by {@link floatVectorLike}. */
export function vectorColumn(type: ColumnType, values: Float32Array, width: number, rows: number): Column {
  if (typeof type === "object" && type.kind === "tensor")
    return tensorColumn("float", type.shape, values, undefined, rows);
  const offsets = Int32Array.from({ length: rows + 1 }, (_, row) => row * width);
  return listColumn(numberColumn("float", values), offsets);
}

/**
 * The schema with a vector column added that has the form of `inputCol`.
 *
 * @param width numbers per row that the stage was fitted on
 * @throws SchemaError where the input has another width, as far as it is known.
 */
export function withVectorLike(
  stage: Stage,
  schema: Schema,
  inputCol: string,
  outputCol: string,
  width?: number,
): Schema {
  const type = schema.requireVector(inputCol, stage);
  if (typeof type === "object" && type.kind === "tensor" && width !== undefined && widthOf(type) !== width) {
    const message = `column "${inputCol}" has ${widthOf(type)} numbers per row, but ${width} were fitted; fit it again`;
    throw new SchemaError(stage, message, { code: "WIDTH", column: inputCol });
  }
  return schema.with(outputCol, floatVectorLike(type), stage);
}
