/** @file Plans made cheaper: the answer stays the same. */

import { describe, expect, test } from "vitest";
import type { DataFrame } from "../../src/data/dataframe.js";
import { VectorAssembler } from "../../src/stages/feature/vector-assembler.js";
import { engines } from "../engines.js";
import { Times } from "../fixtures/stages.js";

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

describe.each(engines.filter(({ name }) => name === "spark"))("a plan on $name", ({ session }) => {
  /** Names of the plan's steps that matter here, the last first, and the columns that go into the stage and come out of it. */
  const explained = async (df: DataFrame) => {
    const text = await df.engine.explain(df.plan);
    const [, tree = ""] = /== Physical Plan ==\n(.*?)\n\n/s.exec(text) ?? [];
    const [, columns = "", made = ""] =
      /\) MapInArrow\nInput \[\d+\]: \[(.*)\]\nArguments: .*\[([^[\]]*)\]/.exec(text) ?? [];
    const steps = [...tree.matchAll(/MapInArrow|Filter|GlobalLimit|Window/g)].map(([step]) => step);
    return { steps, into: columns.replaceAll(/#\w+/g, ""), outOf: made.replaceAll(/#\w+/g, "") };
  };
  const numbers = async () =>
    (await session())
      .sql("SELECT id AS a, id + 1 AS b, CAST(id AS DOUBLE) AS x FROM range(10)")
      .withStage(new Times({ inputCol: "x", outputCol: "y" }));

  test("chooses rows below stages where it can, and sends them no more columns than are asked for", async () => {
    const df = await numbers();
    const stage = "MapInArrow";
    expect(await explained(df.filter("a > 3").limit(1))).toEqual({
      steps: [stage, "GlobalLimit", "Filter"],
      into: "a, b, x",
      outOf: "a, b, x, y",
    });
    expect(await explained(df.filter("y > 3"))).toEqual({
      steps: ["Filter", stage],
      into: "a, b, x",
      outOf: "a, b, x, y",
    });
    expect(await explained(df.select("b", "y"))).toEqual({ steps: [stage], into: "b, x", outOf: "b, y" });
    expect(await explained(df.filter("a > 3 AND a * 2 < 10").agg({ s: "sum(y)" }))).toEqual({
      steps: [stage, "Filter"],
      into: "x",
      outOf: "y",
    });
    expect(await explained(df.filter("a > 3").select("b"))).toEqual({ steps: ["Filter"], into: "", outOf: "" });
    expect((await explained(df.distinct())).into).toBe("a, b, x");
    expect(await df.filter("a > 3 AND a * 2 < 10").agg({ s: "sum(y)" }).collect()).toEqual([{ s: 8 }]);
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
    expect(await steps(df.agg({ n: "sum(y)" }))).toEqual(["Sql agg", "Sql select", stage, "Sql select", ...source]);
    expect(await steps(df.distinct())).toEqual(["Sql distinct", stage, ...source]);
  });
});
