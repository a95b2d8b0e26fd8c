/** @file Tests of SqlTransformer, on engines and without one. */

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

import { engines } from "../../../test/engines.js";
import { Schema } from "../../data/schema.js";
import { Pipeline, type PipelineModel } from "../../pipeline/pipeline.js";
import { SqlTransformer } from "./sql-transformer.js";
import { StringIndexer } from "./string-indexer.js";
import { VectorAssembler } from "./vector-assembler.js";

const total = new SqlTransformer({
  statement: "SELECT *, price * amount AS total FROM __THIS__ WHERE __THIS__.amount > 0",
});
const orders = [
  { price: 2.5, amount: 4 },
  { price: 1, amount: 0 },
  { price: 3, amount: 2 },
];
const totals = [
  { price: 2.5, amount: 4, total: 10 },
  { price: 3, amount: 2, total: 6 },
];

describe.each(engines)("SqlTransformer on $name", ({ frame }) => {
  test("runs its statement over the rows", async () => {
    expect(await total.transform(await frame(orders)).collect()).toEqual(totals);
  });

  test("stands in a Pipeline, before and after stages that learn", async () => {
    const pipeline = new Pipeline([
      new SqlTransformer({ statement: "SELECT *, lower(size) AS small FROM __THIS__" }),
      new StringIndexer({ inputCol: "small", outputCol: "index" }),
      new SqlTransformer({ statement: "SELECT *, index * 2 AS twice FROM __THIS__" }),
      new VectorAssembler({ inputCols: ["index", "twice"], outputCol: "features" }),
    ]);
    const rows = [{ size: "L" }, { size: "l" }, { size: "M" }];
    const model: PipelineModel = await pipeline.fit(await frame(rows));
    const expected = [0, 0, 1].map((index, i) => ({
      ...rows[i],
      small: rows[i]!.size.toLowerCase(),
      index,
      twice: index * 2,
      features: new Float32Array([index, index * 2]),
    }));
    expect(await model.transform(await frame(rows)).collect()).toEqual(expected);
    expect(await model.predictMany(rows)).toEqual(expected);
    expect(await model.predictOne(rows[2]!)).toEqual(expected[2]);
  });

  test("tells what is wrong with a statement", async () => {
    const wrong = new SqlTransformer({ statement: "SELECT cost FROM __THIS__" });
    await expect(wrong.transform(await frame(orders)).collect()).rejects.toThrow(/SqlTransformer: .*"?cost"?/);
    await expect(wrong.predictOne(orders[0]!)).rejects.toThrow(/SqlTransformer: .*"?cost"?/);
  });
});

describe("SqlTransformer without an engine", () => {
  test("gives the rows of the statement", async () => {
    expect(await total.predictMany(orders)).toEqual(totals);
    expect(await total.predictMany([orders[1]!])).toEqual([]);
  });

  test("has the columns that the statement says", async () => {
    const after = await total.schemaAfter(Schema.of({ price: "double", amount: "int", v: "float[3]" }));
    expect(after.toJSON()).toEqual({ price: "double", amount: "int", v: "float[3]", total: "double" });
    expect(() => total.transformSchema(Schema.of({ price: "double" }))).toThrow(
      "SqlTransformer: only an engine can tell the columns of a statement; await schemaAfter(schema) instead",
    );
  });

  test("does not keep the process alive", async () => {
    const folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
    try {
      await total.save(join(folder, "m"));
      const root = new URL("../../", import.meta.url).href;
      const program = `
        import "${root}session.js";
        import "${root}stages/index.js";
        import { load } from "${root}pipeline/load.js";
        const model = await load(${JSON.stringify(join(folder, "m"))});
        console.log(JSON.stringify(await model.predictOne({ price: 2, amount: 3 })));`;
      const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], { timeout: 30_000 });
      expect(JSON.parse((await run).stdout)).toEqual({ price: 2, amount: 3, total: 6 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
