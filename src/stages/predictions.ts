/** @file What models of a feature vector share: the graph that predicts, run over batches. */

import type { RecordBatch } from "apache-arrow";
import { filterRows, numberColumn, tensorColumn, type Valid, withColumns } from "../data/columns.js";
import { dataOf, matrixOf } from "../data/read-columns.js";
import type { Schema } from "../data/schema.js";
import { widthOf } from "../data/types.js";
import { SchemaError, type Who } from "../errors.js";
import type { BatchFunction } from "../pipeline/stage.js";
import type { ModelSource } from "../runtime/model-source.js";
import { openSession } from "../runtime/session.js";
import { Tensor } from "../tensor/tensor.js";
import { type FeatureType, featureTypeIn } from "./objective/block.js";

/** A column of doubles to add, or of vectors where `width` says how long. */
export interface PredictedColumn {
  /** None where it is empty. */
  readonly column: string;
  /** The graph's output. */
  readonly output: string;
  readonly width?: number;
}

export interface Predictions {
  readonly featuresCol: string;
  /** Numbers in a row's features. */
  readonly numFeatures: number;
  /** The graph for features of this type: input `features` [rows, numFeatures], outputs of float64. */
  readonly graphFor: (type: FeatureType) => ModelSource;
  readonly columns: readonly PredictedColumn[];
}

/** The column of features. @throws SchemaError where it is no vector, or known to be of another length. */
export function requireFeatures(schema: Schema, featuresCol: string, numFeatures: number, who: Who): void {
  const type = schema.requireVector(featuresCol, who, "featuresCol");
  if (typeof type !== "object" || type.kind !== "tensor" || widthOf(type) === numFeatures) return;
  const message = `column "${featuresCol}" has ${widthOf(type)} numbers, but the model was fitted on ${numFeatures}`;
  throw new SchemaError(who, message, { code: "COLUMN_TYPE", column: featuresCol });
}

/** Adds the columns to batches of this schema; rows whose features are null get null. */
export async function openPredictions(
  schema: Schema,
  { featuresCol, numFeatures, graphFor, columns }: Predictions,
  who: Who & { readonly name: string },
): Promise<BatchFunction> {
  const type = featureTypeIn(schema.require(featuresCol, who, "featuresCol"));
  const session = await openSession(graphFor(type), { name: who.name });
  const asked = columns.filter(({ column }) => column !== "");
  return async (batch: RecordBatch): Promise<RecordBatch> => {
    const data = dataOf(batch, featuresCol);
    const valid: Valid = data.nullCount > 0 ? (row) => data.getValid(row) : undefined;
    const rows = Array.from({ length: valid ? batch.numRows : 0 }, (_, row) => row).filter((row) => valid?.(row));
    const whole = valid ? filterRows(batch, valid) : batch;
    const { values } = matrixOf(dataOf(whole, featuresCol), who, featuresCol, numFeatures, (row) => rows[row] ?? row);
    const shape = [whole.numRows, numFeatures];
    const features =
      type === "float32"
        ? new Tensor("float32", values as Float32Array, shape)
        : new Tensor("float64", values instanceof Float64Array ? values : Float64Array.from(values), shape);
    const found = whole.numRows === 0 ? {} : await session.run({ features });
    const added = asked.map(({ column, output, width }) => {
      const results = (found[output]?.data ?? new Float64Array(0)) as Float64Array;
      const numbers = valid ? spread(results, rows, width ?? 1, batch.numRows) : results;
      const made =
        width === undefined ? numberColumn("double", numbers, valid) : tensorColumn("double", [width], numbers, valid);
      return [column, made] as const;
    });
    return withColumns(batch, added);
  };
}

/** Values of the given rows at their places among `count` rows; zeros elsewhere. */
function spread(values: Float64Array, rows: readonly number[], width: number, count: number): Float64Array {
  const all = new Float64Array(count * width);
  for (const [i, row] of rows.entries()) all.set(values.subarray(i * width, (i + 1) * width), row * width);
  return all;
}
