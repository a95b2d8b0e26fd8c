/** @file SumBlocks: sums over the rows of blocks, where the blocks are. Internal: one pass of a fit on a cluster. */

import type { RecordBatch } from "apache-arrow";
import { batchOf, numberColumn, stringColumn } from "../../data/columns.js";
import { bytesAt, dataOf, stringsOf } from "../../data/read-columns.js";
import { Schema } from "../../data/schema.js";
import { type BatchFunction, Transformer } from "../../pipeline/stage.js";
import { asset, defineParams, type Input, integer, json, text } from "../../util/params.js";
import type { Matrices } from "./block.js";
import { numbersFromJson, numbersToJson, unpackMatrices } from "./block-bytes.js";
import { keepBlock, keptBlock } from "./block-cache.js";
import { type SumGraph, sumOver } from "./sums.js";

const params = defineParams({
  graph: asset("ONNX graph of the sums"),
  graphName: text("what the graph is for"),
  rows: integer("rows of one run"),
  shapes: json<SumGraph["parameters"]>("shapes of the graph's parameters", "an object", () => true),
  values: json<Record<string, string>>("the parameters, as base64 of doubles", "an object", () => true),
});

/**
 * One row per batch: the sums over those of its blocks that are at hand (in the column `matrices`, or kept by this worker), how
 * many rows those hold, and the ids of the others.
 */
export class SumBlocks extends Transformer<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  override get dropsRows(): boolean {
    return true;
  }

  transformSchema(): Schema {
    return Schema.of({ sums: "string", rows: "bigint", missing: "string" });
  }

  open(schema: Schema): BatchFunction {
    const hasMatrices = schema.has("matrices");
    const { graph, graphName: name, rows, shapes, values } = this.params;
    const sums: SumGraph = { graph, name, rows, parameters: shapes };
    const parameters = numbersFromJson(values);
    return async (batch) => {
      const { blocks, missing } = blocksOf(batch, hasMatrices);
      const found = await sumOver(sums, parameters, blocks);
      const count = blocks.reduce((total, { labels }) => total + labels.length, 0);
      return batchOf({
        sums: stringColumn([JSON.stringify(numbersToJson(found))]),
        rows: numberColumn("bigint", BigInt64Array.of(BigInt(count))),
        missing: stringColumn([JSON.stringify(missing)]),
      });
    };
  }
}

function blocksOf(batch: RecordBatch, hasMatrices: boolean): { blocks: Matrices[]; missing: string[] } {
  const blocks: Matrices[] = [];
  const missing: string[] = [];
  const data = hasMatrices ? dataOf(batch, "matrices") : undefined;
  for (const [i, id] of stringsOf(dataOf(batch, "block")).entries()) {
    const kept = keptBlock(id!);
    const bytes = kept === undefined && data !== undefined ? bytesAt(data, i) : undefined;
    if (kept !== undefined) blocks.push(kept);
    else if (bytes) {
      const block = unpackMatrices(bytes.slice());
      keepBlock(id!, block);
      blocks.push(block);
    } else missing.push(id!);
  }
  return { blocks, missing };
}
