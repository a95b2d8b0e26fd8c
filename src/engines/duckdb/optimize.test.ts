/** @file Tests of plans made cheaper: the answer stays the same. */

import { describe, expect, test } from "vitest";
import { engines } from "../../../test/engines.js";
import { Times } from "../../../test/fixtures/stages.js";
import type { DataFrame } from "../../data/dataframe.js";
import { VectorAssembler } from "../../stages/feature/vector-assembler.js";

describe.each(engines)("a column dropped above a stage on $name", ({ frame }) => {
  test("is not computed, and the rest is as before", async () => {
    const rows = await frame([{ a: 1, b: 2, c: "x" }]);
    const assembled = new VectorAssembler({ inputCols: ["a", "b"], outputCol: "v" }).transform(rows);
    expect(await assembled.limit(3).drop("v").collect()).toEqual([{ a: 1, b: 2, c: "x" }]);
    expect(await assembled.drop("c", "a").withColumnRenamed("b", "z").collect()).toEqual([
      { z: 2, v: new Float32Array([1, 2]) },
    ]);
  });
});

// the steps are those of this engine
const duckdb = engines.filter(({ name }) => name === "duckdb");

describe.each(duckdb)("a plan on $name", ({ frame }) => {
  const steps = async (df: DataFrame) =>
    (await df.engine.explain(df.plan)).split("\n").map((line) => line.trim().replace(/^\+- /, "").replace(/:.*/, ""));
  const transformed = async () =>
    (await frame([{ x: 1, z: 2 }])).withColumn("w", "x + z").withStage(new Times({ inputCol: "x", outputCol: "y" }));
  const stage = "Stage Times y";
  const source = ["Sql withColumn", "Rows 1 [x, z]"];

  test("chooses rows below stages where it can", async () => {
    const df = await transformed();
    expect(await steps(df.filter("x > 0").limit(1))).toEqual([stage, "Sql limit", "Sql filter", ...source]);
    expect(await steps(df.drop("y").filter("X > 0"))).toEqual(["Sql drop", "Sql filter", ...source]);
    expect(await steps(df.filter("y > 0").limit(1))).toEqual(["Sql limit", "Sql filter", stage, ...source]);
    const [part] = df.select("y", "x").randomSplit([1, 1]);
    expect(await steps(part)).toEqual(["Sql select", stage, "Sql select", "Sql randomSplit", ...source]);
  });

  test("does not limit below a stage that leaves rows out", async () => {
    const df = (await frame([{ x: 1 }])).withStage(new Times({ inputCol: "x", outputCol: "y", handleInvalid: "skip" }));
    expect(await steps(df.limit(1).filter("x > 0"))).toEqual(["Sql filter", "Sql limit", stage, "Rows 1 [x]"]);
    expect(await steps(df.filter("x > 0"))).toEqual([stage, "Sql filter", "Rows 1 [x]"]);
  });

  test("moves no more columns than are asked for", async () => {
    const df = await transformed();
    expect(await steps(df.select("y"))).toEqual(["Sql select", stage, "Sql select", ...source]);
    expect(await steps(df.select("w"))).toEqual(["Sql select", ...source]);
    expect(await steps(df.agg({ n: "count(*)" }))).toEqual(["Sql agg", ...source]);
    expect(await steps(df.agg({ n: "sum(y)" }))).toEqual(["Sql agg", stage, "Sql select", ...source]);
    expect(await steps(df.distinct())).toEqual(["Sql distinct", stage, ...source]);
  });
});
