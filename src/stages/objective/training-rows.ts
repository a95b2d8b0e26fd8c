/** @file TrainingRows: a training set as something that gives sums over its rows, wherever they are. */

import type { DataFrame } from "../../data/dataframe.js";
import { expectSignal } from "../../data/expect.js";
import type { FeatureType, TrainingColumns } from "./block.js";
import { LocalRows, type ReadOptions } from "./local-rows.js";
import { RemoteRows } from "./remote-rows.js";
import type { Summary } from "./summary.js";
import type { Parameters, SumGraph, Sums } from "./sums.js";

/** Rows with labels and weights, summarized once; then asked for sums any number of times. Close them when done. */
export interface TrainingRows {
  readonly summary: Summary;
  readonly featureType: FeatureType;
  /** What the graph's outputs add up to over all rows. */
  sums(sums: SumGraph, parameters: Parameters, signal?: AbortSignal): Promise<Sums>;
  close(): Promise<void>;
}

/**
 * Reads the columns of a DataFrame, once: into this process, or on a cluster into blocks that stay there.
 *
 * @throws DataError where there are no rows, or naming the row that cannot be used.
 */
export async function readTrainingRows(
  df: DataFrame,
  columns: TrainingColumns,
  options: Pick<ReadOptions, "who" | "signal" | "what">,
): Promise<TrainingRows> {
  expectSignal(options.signal, options.who);
  const { featuresCol, labelCol, weightCol } = columns;
  const names = new Set([featuresCol, labelCol, ...(weightCol === undefined ? [] : [weightCol])]);
  const rows = df.select(...names);
  if (df.engine.isRemote) return await RemoteRows.read(rows, columns, options);
  return await LocalRows.read(rows.batches({ signal: options.signal }), columns, options);
}
