/** @file PackBlocks: rows of a training set to blocks, where the rows are. Internal: fits on a cluster put it over their data. */

import { randomUUID } from "node:crypto";
import type { RecordBatch } from "apache-arrow";
import { batchOf, binaryColumn, numberColumn, stringColumn } from "../../data/columns.js";
import { Schema } from "../../data/schema.js";
import { type BatchFunction, Transformer } from "../../pipeline/stage.js";
import { columnName, defineParams, type Input, json, optional, text } from "../../util/params.js";
import { bytesOf, type Matrices, readBatch, type TrainingColumns } from "./block.js";
import { packMatrices } from "./block-bytes.js";
import { keepBlock } from "./block-cache.js";
import { packSummary, summarize } from "./summary.js";

const params = defineParams({
  featuresCol: columnName("vector column of features"),
  labelCol: columnName("column of labels"),
  weightCol: optional(columnName("column of the rows' weights")),
  labels: json<TrainingColumns["labels"]>("kind of labels", "numbers or classes", () => true),
  classes: optional(json<TrainingColumns["classes"]>("classes at most, and advice", "an object", () => true)),
  who: text("the estimator, for messages"),
});

const blockBytes = 4 * 2 ** 20;

/** One row per block: its id, which no other block has, how many rows it holds, their summary, the rows. */
export class PackBlocks extends Transformer<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  override get dropsRows(): boolean {
    return true;
  }

  override get readsColumns(): readonly string[] {
    const { featuresCol, labelCol, weightCol } = this.params;
    return [featuresCol, labelCol, ...(weightCol === undefined ? [] : [weightCol])];
  }

  transformSchema(): Schema {
    return Schema.of({ block: "string", rows: "int", summary: "binary", matrices: "binary" });
  }

  open(): BatchFunction {
    return (batch) => this.#pack(batch);
  }

  #pack(batch: RecordBatch): RecordBatch {
    const { who, featuresCol, labels } = this.params;
    const whole = readBatch(batch, this.params, who);
    const rows = batch.numRows;
    const step = Math.max(1, Math.floor((blockBytes * rows) / Math.max(1, bytesOf(whole))));
    const starts = Array.from({ length: Math.ceil(rows / step) }, (_, i) => i * step);
    const blocks = starts.map((firstRow) => {
      const matrices = copyOf(whole, firstRow, Math.min(rows, firstRow + step));
      const id = randomUUID();
      const summary = summarize(matrices, { labels, who, featuresCol, firstRow });
      keepBlock(id, matrices);
      return { id, summary, bytes: packMatrices(matrices) };
    });
    return batchOf({
      block: stringColumn(blocks.map(({ id }) => id)),
      rows: numberColumn(
        "int",
        Int32Array.from(blocks, ({ summary }) => summary.rows),
      ),
      summary: binaryColumn(blocks.map(({ summary }) => new Uint8Array(packSummary(summary).buffer))),
      matrices: binaryColumn(blocks.map(({ bytes }) => bytes)),
    });
  }
}

function copyOf(
  { features, labels, weights }: Matrices & { readonly width: number },
  from: number,
  to: number,
): Matrices {
  const width = features.length / labels.length;
  return {
    features: features.slice(from * width, to * width),
    labels: labels.slice(from, to),
    weights: weights.slice(from, to),
  };
}
