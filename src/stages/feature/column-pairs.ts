/** @file inputCol with outputCol, or inputCols with outputCols: the two ways of Spark ML's feature stages to name columns. */

import { ParamError } from "../../errors.js";
import type { Stage } from "../../pipeline/stage.js";
import { columnName, columnNames, defineParams, optional, type Values } from "../../util/params.js";

export const pairParams = defineParams({
  inputCol: optional(columnName("column to read")),
  outputCol: optional(columnName("column to add")),
  inputCols: optional(columnNames("columns to read, instead of inputCol")),
  outputCols: optional(columnNames("columns to add, one for each of inputCols")),
});

/** A column to read and the column made of it. */
export interface ColumnPair {
  readonly input: string;
  readonly output: string;
  /** The parameter that names the input, for messages. */
  readonly param: "inputCol" | "inputCols";
}

/** The columns that a stage reads and adds. @throws ParamError where they are named in neither or both ways. */
export function pairsOf(stage: Stage & { readonly params: Values<typeof pairParams> }): readonly ColumnPair[] {
  const { inputCol, outputCol, inputCols, outputCols } = stage.params;
  const isSingle = inputCol !== undefined && outputCol !== undefined;
  const isMany = inputCols !== undefined && outputCols !== undefined;
  const given = [inputCol, outputCol, inputCols, outputCols].filter((value) => value !== undefined).length;
  if (given !== 2 || !(isSingle || isMany)) {
    throw new ParamError(stage, "set either inputCol and outputCol, or inputCols and outputCols", {
      param: "inputCol",
    });
  }
  if (isSingle) return [{ input: inputCol, output: outputCol, param: "inputCol" }];
  checkCount(stage, "outputCols", outputCols!.length, inputCols!.length);
  return inputCols!.map((input, i) => ({ input, output: outputCols![i]!, param: "inputCols" }));
}

/** @throws ParamError where a list does not have one item per input column. */
export function checkCount(stage: Stage, param: string, count: number, columns: number): void {
  if (count === columns) return;
  throw new ParamError(stage, `${param} must have one item per input column (${columns}), got ${count}`, { param });
}
