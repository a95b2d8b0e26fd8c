/** @file Chains in the pool: what a stage promises is checked, rows are counted from the beginning. */

import type { RecordBatch } from "apache-arrow";
import { describe, expect, test } from "vitest";
import { Times } from "../../test/fixtures/stages.js";
import type { BatchStage } from "../data/batch-stage.js";
import { batchToRows, rowsToBatch } from "../data/rows.js";
import { Schema } from "../data/schema.js";
import { runChain, type Step } from "./run-chain.js";

const input = Schema.of({ x: "double" });

async function* batches(count: number, rows = 10): AsyncGenerator<RecordBatch> {
  for (let i = 0; i < count; i++) {
    yield rowsToBatch(
      Array.from({ length: rows }, (_, row) => ({ x: i * rows + row })),
      input,
    );
  }
}

async function collect(source: () => AsyncIterable<RecordBatch>, steps: readonly Step[], output: Schema) {
  const rows: unknown[] = [];
  for await (const batch of runChain(source, steps, { input, output, owned: true })) rows.push(...batchToRows(batch));
  return rows;
}

const double = new Times({ inputCol: "x", outputCol: "y" });

describe("a chain", () => {
  test("gives results in the order of its source", async () => {
    const rows = await collect(() => batches(50), [{ kind: "stage", stage: double }], input.with("y", "double"));
    expect(rows).toEqual(Array.from({ length: 500 }, (_, x) => ({ x, y: 2 * x })));
  });

  test("picks columns between stages", async () => {
    const steps: Step[] = [
      { kind: "stage", stage: double },
      { kind: "pick", columns: [{ from: "y", to: "x" }] },
      { kind: "stage", stage: double },
    ];
    expect(await collect(() => batches(1, 2), steps, input.with("y", "double"))).toEqual([
      { x: 0, y: 0 },
      { x: 2, y: 4 },
    ]);
  });

  test("fails as its source fails, after what came before", async () => {
    const source = async function* () {
      yield* batches(2);
      throw new Error("the disk is gone");
    };
    const seen: number[] = [];
    const run = async () => {
      const options = { input, output: input.with("y", "double"), owned: true };
      for await (const { numRows } of runChain(source, [{ kind: "stage", stage: double }], options)) seen.push(numRows);
    };
    await expect(run()).rejects.toThrow("the disk is gone");
    expect(seen).toEqual([10, 10]);
  });

  test("says when a stage gives other columns than it promised", async () => {
    const output = input.with("y", "float");
    await expect(collect(() => batches(1), [{ kind: "stage", stage: double }], output)).rejects.toThrow(
      'internal: stages gave columns {"x":"double","y":"double"}, not {"x":"double","y":"float"} as transformSchema said',
    );
  });

  test("names a stage that workers do not know", async () => {
    const stranger: BatchStage = {
      name: "Stranger",
      transformSchema: (schema) => schema,
      toSpec: () => ({ type: "Stranger", params: {}, assets: [] }),
      rowsPerTask: undefined,
      describe: () => "",
    };
    await expect(collect(() => batches(1), [{ kind: "stage", stage: stranger }], input)).rejects.toThrow(
      'load: no stage class "Stranger" in this version; register it first',
    );
  });
});
