/** @file What programs without types hand to methods by mistake is told at once, in one sentence. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { load } from "../pipeline/load.js";
import { Session } from "../session.js";
import { VectorAssembler } from "../stages/feature/vector-assembler.js";
import type { DataFrame } from "./dataframe.js";
import { expr, lit } from "./expr.js";

let session: Session;
let df: DataFrame;
beforeAll(async () => {
  session = await Session.open();
  df = session.createDataFrame([{ a: 1 }]);
});
afterAll(() => session.close());

// each call as a program without types may have it
const calls: [what: string, call: (df: DataFrame, session: Session) => unknown, message: string][] = [
  ["join of nothing", (df) => df.join(null as never, "a"), "join: the other side must be a DataFrame, got null"],
  ["union of rows", (df) => df.union([] as never), "union: the other side must be a DataFrame, got Array"],
  [
    "select of a list",
    (df) => df.select(["a"] as never),
    "select: columns must be names or expressions, got Array; give the columns one by one, as in select(...columns)",
  ],
  [
    "select of undefined",
    (df) => df.select(undefined as never),
    "select: columns must be names or expressions, got undefined",
  ],
  [
    "groupBy of a number",
    (df) => df.groupBy(1 as never).count(),
    "groupBy: columns must be names or expressions, got number 1",
  ],
  [
    "filter by a function",
    (df) => df.filter((() => true) as never),
    "filter: expected an expression (SQL text, or of col() and lit()), got a function; functions of rows go to mapRows",
  ],
  [
    "withColumn of a constant",
    (df) => df.withColumn("b", 5 as never),
    "withColumn: expected an expression (SQL text, or of col() and lit()), got number 5; a constant is lit(…)",
  ],
  [
    "withColumn without a name",
    (df) => df.withColumn("", "1"),
    'withColumn: name must be a text that is not empty, got string ""',
  ],
  [
    "agg of a list",
    (df) => df.agg(["max(a)"] as never),
    'agg: results must be an object, as in agg({ total: "sum(x)" }), got Array',
  ],
  [
    "lit of an object",
    () => lit({} as never),
    "lit: a constant must be a text, number, boolean, Date or null, got Object",
  ],
  [
    "a comparison with undefined",
    () => expr("a").eq(undefined as never),
    "lit: a constant must be a text, number, boolean, Date or null, got undefined",
  ],
  [
    "limit by a text",
    (df) => df.limit("2" as never),
    'limit: rows must be a whole number of at least 0, got string "2"',
  ],
  [
    "randomSplit with Spark's bare seed",
    (df) => df.randomSplit([0.8, 0.2], 7 as never),
    "randomSplit: options must be an object, as in { seed: … }, got number 7",
  ],
  [
    "sample with a misspelt seed",
    (df) => df.sample(0.5, { sed: 7 } as never),
    'sample: unknown option "sed"; there are "seed"; did you mean "seed"?',
  ],
  [
    "randomSplit by a number",
    (df) => df.randomSplit(0.8 as never),
    "randomSplit: weights must be a list of numbers, as in [0.8, 0.2], got number 0.8",
  ],
  [
    "an empty query",
    (_df, session) => session.sql(" "),
    'session.sql: the query must be a text that is not empty, got string " "',
  ],
  [
    "a misspelt option of pictures",
    (_df, session) => session.read.images("x", { label: "y" } as never),
    'read.images: unknown option "label"; there are "labelFromFolder"',
  ],
  [
    "numFeatures 0",
    (_df, session) => session.read.libsvm("x", { numFeatures: 0 }),
    "read.libsvm: numFeatures must be a whole number of at least 1, got 0",
  ],
  [
    "rows that are no list",
    (_df, session) => session.createDataFrame("x" as never),
    'createDataFrame: rows must be a list of objects, as in [{ age: 3 }], got string "x"',
  ],
  [
    "rows that are no objects",
    (_df, session) => session.createDataFrame([{ a: 1 }, null] as never),
    "createDataFrame: row 1 must be an object of column names and values, got null",
  ],
];

test.each(calls)("%s", (_what, call, message) => {
  expect(() => call(df, session)).toThrow(message);
});

describe("promises are rejected", () => {
  test.each<[string, (df: DataFrame) => Promise<unknown>, string]>([
    ["show", (df) => df.show(-1), "show: rows must be a whole number of at least 0, got -1"],
    [
      "write",
      (df) => df.write.parquet(undefined as never),
      "write.parquet: the path must be a text that is not empty, got undefined",
    ],
    [
      "view",
      (df) => df.createOrReplaceTempView(""),
      'createOrReplaceTempView: name must be a text that is not empty, got string ""',
    ],
  ])("%s", async (_what, call, message) => {
    await expect(call(df)).rejects.toThrow(message);
  });

  test("transform of rows", () => {
    const stage = new VectorAssembler({ inputCols: ["a"], outputCol: "v" });
    expect(() => stage.transform([{ a: 1 }] as never)).toThrow(
      "VectorAssembler: transform takes a DataFrame, got Array; make one with session.createDataFrame(rows), or call predictMany(rows)",
    );
  });

  test("save and load without a path", async () => {
    const stage = new VectorAssembler({ inputCols: ["a"], outputCol: "v" });
    await expect(stage.save(undefined as never)).rejects.toThrow(
      "save: the path must be a text that is not empty, got undefined",
    );
    await expect(load("")).rejects.toThrow('load: the path must be a text that is not empty, got string ""');
  });

  test.each([
    [null, "VectorAssembler: rows must be a list of objects, as in [{ age: 3 }], got null"],
    [[null], "VectorAssembler: row 0 must be an object of column names and values, got null"],
    [[[1]], "VectorAssembler: row 0 must be an object of column names and values, got Array"],
  ])("predictMany of %j", async (rows, message) => {
    const stage = new VectorAssembler({ inputCols: ["a"], outputCol: "v" });
    await expect(stage.predictMany(rows as never)).rejects.toThrow(message);
  });
});
