/** @file Evaluator: measures predictions by one number. */

import type { RecordBatch } from "apache-arrow";
import type { DataFrame } from "../data/dataframe.js";
import { DataError } from "../errors.js";
import type { ParamSpecs } from "../util/params.js";
import { Stage } from "./stage.js";

export interface EvaluateOptions {
  /** Stops the work; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Rows gathered so far; sums of parts of the data merge into sums of all. */
export interface MetricSums {
  add(batch: RecordBatch): void;
  merge(other: this): void;
  /** Rows that were counted, and those left out because a number was missing. */
  readonly rows: number;
  readonly invalid: number;
  /** Weight of the rows that were counted. */
  readonly weight: number;
  /** The metric of the rows so far. */
  value(): number;
}

/** A stage that turns predicted rows into one number. It adds no column. */
export abstract class Evaluator<P extends ParamSpecs = ParamSpecs> extends Stage<P> {
  /** Whether a larger value means better predictions. */
  abstract get isLargerBetter(): boolean;

  /** The columns it reads. */
  abstract get readsColumns(): readonly string[];

  /** Sums over no rows yet; feed them batches that hold at least `readsColumns`. */
  abstract sums(): MetricSums;

  /**
   * The metric over all rows, computed in one pass.
   *
   * @throws SchemaError where columns do not fit; DataError where there are no rows, rows without a prediction, or no weight.
   * @example await new MulticlassClassificationEvaluator({ metric: "accuracy" }).evaluate(model.transform(test));
   */
  async evaluate(df: DataFrame, { signal }: EvaluateOptions = {}): Promise<number> {
    this.transformSchema(await df.schema());
    const sums = this.sums();
    for await (const batch of df.select(...new Set(this.readsColumns)).batches({ signal })) sums.add(batch);
    if (sums.invalid > 0) {
      const of = `${sums.invalid} of ${sums.rows + sums.invalid} rows`;
      const columns = this.readsColumns.map((name) => JSON.stringify(name)).join(", ");
      throw new DataError(
        this,
        `${of} have null or NaN in ${columns}; filter them out, or see why they have no value`,
        {
          code: "BAD_ROWS",
          count: sums.invalid,
        },
      );
    }
    if (sums.rows === 0) throw new DataError(this, "there are no rows to evaluate; check filters and splits");
    if (sums.weight === 0) {
      throw new DataError(this, `the weights of all ${sums.rows} rows are 0; there is nothing to measure`, {
        code: "NO_WEIGHT",
      });
    }
    return sums.value();
  }
}
