/** @file classificationReport: a report on a DataFrame of predicted classes. */

import type { DataFrame } from "../../data/dataframe.js";
import { DataError } from "../../errors.js";
import { ClassificationReport } from "../../nn/metrics/classification-report.js";
import { ClassificationSums, type SumsOptions } from "../../nn/metrics/classification-sums.js";
import { numbersIn, vectorsIn, weightsIn } from "./columns.js";

export interface ReportOptions extends SumsOptions {
  /** Default "label". */
  readonly labelCol?: string;
  /** Default "prediction". */
  readonly predictionCol?: string;
  /** Default "probability", where the data has it; empty for none. */
  readonly probabilityCol?: string;
  readonly weightCol?: string | undefined;
  /** Names of the classes, as in `StringIndexerModel.labels`. */
  readonly labels?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

const who = "classificationReport";
/** Few enough that sorting the scores of many classes does not block the thread for long. */
const rowsAtOnce = 2048;

/**
 * Confusion matrix, precision, recall and F1 per class with their means, and from probabilities log loss, top-k accuracy,
 * curves and calibration; in one pass over the rows.
 *
 * @throws SchemaError where columns do not fit; DataError where there are no rows, rows without a prediction, or no weight.
 * @example
 * const report = await classificationReport(model.transform(test), { labelCol: "labelIndex", labels: indexer.labels });
 * console.log(String(report));
 */
export async function classificationReport(df: DataFrame, options: ReportOptions = {}): Promise<ClassificationReport> {
  const { labelCol = "label", predictionCol = "prediction", weightCol, labels = [], signal, ...sumsOptions } = options;
  const schema = await df.schema();
  const probabilityCol = options.probabilityCol ?? (schema.has("probability") ? "probability" : "");
  schema.requireNumber(labelCol, who, "labelCol");
  schema.requireNumber(predictionCol, who, "predictionCol");
  if (probabilityCol !== "") schema.requireVector(probabilityCol, who, "probabilityCol");
  if (weightCol !== undefined) schema.requireNumber(weightCol, who, "weightCol");

  const columns = new Set([labelCol, predictionCol, probabilityCol, weightCol ?? ""]);
  columns.delete("");
  let sums: ClassificationSums | undefined;
  let missing = 0;
  let firstRow = 0;
  for await (const batch of df.select(...columns).batches({ signal, rows: rowsAtOnce })) {
    const vectors =
      probabilityCol === "" ? undefined : vectorsIn(batch, probabilityCol, who, sums?.probabilities?.classes, firstRow);
    missing += vectors?.missing ?? 0;
    firstRow += batch.numRows;
    const rows = vectors?.batch ?? batch;
    if (rows.numRows === 0) continue;
    sums ??= new ClassificationSums(who, vectors?.width ?? 0, sumsOptions);
    sums.add({
      labels: numbersIn(rows, labelCol),
      predictions: numbersIn(rows, predictionCol),
      probabilities: vectors?.values,
      weights: weightsIn(rows, weightCol, who),
    });
  }
  const invalid = missing + Math.max(sums?.confusion.invalid ?? 0, sums?.probabilities?.invalid ?? 0);
  if (invalid > 0) {
    const message = `${invalid} rows have null or NaN as label, prediction, probability or weight; filter them out`;
    throw new DataError(who, message, { code: "BAD_ROWS", count: invalid });
  }
  if (sums === undefined) throw new DataError(who, "there are no rows to report on; check filters and splits");
  const { rows, total } = sums.confusion;
  if (total === 0) {
    throw new DataError(who, `the weights of all ${rows} rows are 0; there is nothing to report on`, {
      code: "NO_WEIGHT",
    });
  }
  return new ClassificationReport(sums, labels);
}
