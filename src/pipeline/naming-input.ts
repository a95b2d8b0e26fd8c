/** @file namingInput: an error about a column that a stage should have made names the column that the data lacks. */

import type { Schema } from "../data/schema.js";
import { listNames, SchemaError } from "../errors.js";
import type { Stage } from "./stage.js";

/**
 * Models such as StringIndexerModel leave out columns that are not there, since prediction needs no label; so it is a stage
 * after them that misses what they would have made. The error then tells of what they would have read.
 */
export function namingInput(error: unknown, stages: readonly Stage[], data: Schema): unknown {
  if (!(error instanceof SchemaError) || error.code !== "NO_COLUMN") return error;
  const made = String(error.fields.column);
  const source = sourceOf(made, stages, data);
  if (source === undefined) return error;
  const { column, maker } = source;
  return new SchemaError(
    maker,
    `no column "${column}" in the data (it has ${listNames(data.names)}), to make "${made}" of`,
    { code: "NO_COLUMN", column, columns: data.names, cause: error },
  );
}

interface Source {
  readonly column: string;
  readonly maker: Stage;
}

/** What the data lacks so that a stage could make the column, and that stage. */
function sourceOf(made: string, stages: readonly Stage[], data: Schema): Source | undefined {
  for (const [i, maker] of stages.entries()) {
    const column = inputOf(maker, made);
    if (column !== undefined && !data.has(column)) {
      return sourceOf(column, stages.slice(0, i), data) ?? { column, maker };
    }
  }
  return undefined;
}

/** The column that a stage makes an output of, where it makes each of one. */
function inputOf({ params }: Stage, output: string): string | undefined {
  const { inputCol, outputCol, inputCols, outputCols } = params as Readonly<Record<string, unknown>>;
  if (outputCol === output) return typeof inputCol === "string" ? inputCol : undefined;
  if (!Array.isArray(inputCols) || !Array.isArray(outputCols)) return undefined;
  return inputCols[outputCols.indexOf(output)];
}
