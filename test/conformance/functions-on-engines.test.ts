/** @file What every engine must hold when SQL calls models. */

import { describe, expect, test } from "vitest";
import { PipelineModel } from "../../src/pipeline/pipeline.js";
import { LogisticRegression } from "../../src/stages/classification/logistic-regression.js";
import { Bucketizer } from "../../src/stages/feature/bucketizer.js";
import { StringIndexerModel } from "../../src/stages/feature/string-indexer.js";
import { VectorAssembler } from "../../src/stages/feature/vector-assembler.js";
import { OnnxModel } from "../../src/stages/onnx/onnx-model.js";
import { engines } from "../engines.js";
import { Times } from "../fixtures/stages.js";
import { identity } from "../fixtures/tiny-onnx.js";

const double = new Times({ inputCol: "x", outputCol: "y" });
const bucket = new Bucketizer({ inputCol: "x", outputCol: "b", splits: [0, 10, 100, 1e6] });
const size = new PipelineModel([
  new StringIndexerModel({ inputCol: "size", outputCol: "sizeIndex", labelsArray: [["S", "M", "L"]] }),
  new VectorAssembler({ inputCols: ["sizeIndex", "weight"], outputCol: "features" }),
]);

describe.each(engines)("SQL functions on $name", ({ name, frame, session }) => {
  const register = async (...args: Parameters<Awaited<ReturnType<typeof session>>["registerFunction"]>) =>
    await (await session()).registerFunction(args[0], args[1], { replace: true, ...args[2] });
  const rows = Array.from({ length: 5000 }, (_, i) => ({ id: i, x: i / 2, s: ["S", "M", "L"][i % 3] }));

  test("can be called in SELECT, WHERE, GROUP BY and ORDER BY", async () => {
    await register("twice", double);
    await register("bucket", bucket);
    await (await frame(rows)).createOrReplaceTempView("things");
    const { sql } = { sql: async (text: string) => await (await session()).sql(text).collect() };
    expect(await sql("SELECT id, twice(x) AS y FROM things WHERE twice(x) >= 4997 ORDER BY twice(x) DESC")).toEqual([
      { id: 4999, y: 4999 },
      { id: 4998, y: 4998 },
      { id: 4997, y: 4997 },
    ]);
    const counts = "SELECT bucket(x) AS b, count(*) AS n FROM things GROUP BY bucket(x) ORDER BY 1";
    expect(await sql(counts)).toEqual([
      { b: 0, n: 20 },
      { b: 1, n: 180 },
      { b: 2, n: 4800 },
    ]);
    expect(await sql("SELECT max(y) AS most FROM (SELECT twice(twice(x)) AS y FROM things) WHERE y < 100")).toEqual([
      { most: 98 },
    ]);
  });

  test("can be called in fragments, in views and on columns of stages", async () => {
    await register("twice", double);
    const df = await frame(rows);
    expect(await df.selectExpr("id", "twice(x) AS y").filter("id = 7").collect()).toEqual([{ id: 7, y: 7 }]);
    expect(await df.filter("twice(x) < 2").withColumn("z", "twice(id)").values("z")).toEqual([0, 2]);
    await df.selectExpr("id", "Twice(x) AS y").createOrReplaceTempView("doubled");
    expect(await (await session()).sql("SELECT sum(y) AS total FROM doubled").collect()).toEqual([{ total: 12497500 }]);
    const staged = df
      .withStage(double)
      .selectExpr("twice(y) AS z")
      .withStage(new Times({ inputCol: "z", outputCol: "w" }));
    expect(await staged.agg({ total: "sum(w)" }).values("total")).toEqual([12497500 * 4]);
  });

  test("take several arguments, of any type that the model takes, and give vectors", async () => {
    const fn = await register("assemble", size);
    expect(fn.signature).toBe("assemble(size string, weight double)");
    const df = await frame([{ s: "M", w: 3, n: 4 }], { s: "string", w: "int", n: "double" });
    const [row] = await df
      .selectExpr("assemble(s, w) AS a", "assemble('L', n) AS b", "assemble('S', 1) AS c")
      .collect();
    expect(row).toEqual({ a: Float32Array.of(1, 3), b: Float32Array.of(2, 4), c: Float32Array.of(0, 1) });
  });

  test("give the numbers of transform: probabilities to 1e-5, several outputs as a struct", async () => {
    const data = Array.from({ length: 300 }, (_, i) => ({
      features: [(i * 7) % 13, (i * 5) % 11, i % 3],
      label: ((i * 7) % 13) + (i % 3) > 7 ? 1 : 0,
      id: i,
    }));
    const df = await frame(data, { features: "float[3]", label: "double", id: "int" });
    const model = await new LogisticRegression({ regParam: 0.1 }).fit(df);
    const fn = await register("risk", model, { inputs: { features: "float[3]" } });
    expect(JSON.stringify(fn.result)).toContain("probability");
    const wanted = await model.transform(df).orderBy("id").select("probability", "prediction").collect();
    const found = await df
      .selectExpr("id", "risk(features) AS r")
      .orderBy("id")
      .selectExpr("r.probability AS probability", "r.prediction AS prediction")
      .collect();
    expect(found.map(({ prediction }) => prediction)).toEqual(wanted.map(({ prediction }) => prediction));
    for (const [i, { probability }] of found.entries()) {
      const p = Array.from(probability as Float64Array);
      const q = Array.from(wanted[i]!.probability as Float64Array);
      expect(Math.abs(p[1]! - q[1]!)).toBeLessThan(1e-5);
    }
    await register("p", model, { inputs: ["features"], outputCol: "prediction" });
    expect(await df.selectExpr("sum(p(features)) AS s").values("s")).toEqual([
      wanted.reduce((sum, { prediction }) => sum + Number(prediction), 0),
    ]);
  });

  test("run ONNX models, on lists and on tensors", async () => {
    const model = await OnnxModel.load(identity("float32"), { feeds: { x: "v" }, fetches: { y: "y" } });
    await register("same", model, { inputs: { v: "float[3]" } });
    const df = await frame([{ v: [1, 2, 3], w: [4, 5, 6] }], { v: "float[3]", w: "array<float>" });
    expect(await df.selectExpr("same(v) AS v", "same(w) AS w").collect()).toEqual([
      { v: Float32Array.of(1, 2, 3), w: Float32Array.of(4, 5, 6) },
    ]);
  });

  test("give null for null, without asking the model", async () => {
    await register("bucket", bucket);
    const df = await frame([{ x: 5 }, { x: null }, { x: 50 }], { x: "double" });
    expect(await df.selectExpr("bucket(x) AS b", "bucket(NULL) AS n").collect()).toEqual([
      { b: 0, n: null },
      { b: null, n: null },
      { b: 1, n: null },
    ]);
    expect(await df.filter("x IS NULL").selectExpr("bucket(x) AS b").collect()).toEqual([{ b: null }]);
    expect(await df.filter("x > 1000").selectExpr("bucket(x) AS b").collect()).toEqual([]);
  });

  test("name the arguments of a bad row, and keep the error's class", async () => {
    await register("bucket", bucket);
    const df = await frame([{ x: 5 }, { x: -3 }], { x: "double" });
    const failing = df.selectExpr("bucket(x) AS b").collect();
    await expect(failing).rejects.toThrow(/^bucket: Bucketizer: .* \(called with x = -3\)/);
    await expect(failing).rejects.toMatchObject({ name: "DataError", code: "BAD_ROW" });
    expect(await df.filter("x > 0").selectExpr("bucket(x) AS b").collect()).toEqual([{ b: 0 }]);
  });

  test("name function, expected and found for wrong arguments", async () => {
    await register("assemble", size);
    const df = await frame([{ s: "M", w: 3 }], { s: "string", w: "double" });
    await expect(df.selectExpr("assemble(s) AS a").collect()).rejects.toThrow(
      "assemble: takes 2 arguments (size string, weight double)",
    );
    await expect(df.selectExpr("assemble(s, s) AS a").collect()).rejects.toThrow(
      'assemble: takes (size string, weight double), got (size string, weight string): VectorAssembler: column "weight" must be',
    );
  });

  test("refuse names that are taken, unless they are to be replaced", async () => {
    const open = await session();
    await register("mine", double);
    await expect(open.registerFunction("Mine", double)).rejects.toThrow(
      'registerFunction: there is a function "Mine" already; choose another name or pass { replace: true }',
    );
    await expect(open.registerFunction("lower", double)).rejects.toThrow(
      `registerFunction: "lower" is a function of ${name === "spark" ? "Spark" : "DuckDB"}; choose another name`,
    );
    await register("mine", double.with({ factor: 10 }));
    expect(await (await frame([{ x: 3 }])).selectExpr("mine(x) AS y").collect()).toEqual([{ y: 30 }]);
  });
});
