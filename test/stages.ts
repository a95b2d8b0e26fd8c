/** @file Runs a stage over rows of known types, without an engine: for tests. */

import { batchToRows, type Row, rowsToBatch } from "../src/data/rows.js";
import type { Schema } from "../src/data/schema.js";
import type { Transformer } from "../src/pipeline/stage.js";

/** The rows that come out, and what the stage warned of. */
export async function applyStage(stage: Transformer, rows: readonly Row[], schema: Schema): Promise<Row[]> {
  stage.transformSchema(schema);
  const apply = await stage.open(schema, { warn: () => {} });
  return batchToRows(await apply(rowsToBatch(rows, schema)));
}
