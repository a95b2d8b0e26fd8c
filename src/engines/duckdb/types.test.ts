/** @file Every column type through DuckDB and back, nulls, slices and many rows included; types that Arrow lacks. */

import * as arrow from "apache-arrow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Row } from "../../data/rows.js";
import { Session } from "../../session.js";

let session: Session;
beforeAll(async () => {
  session = await Session.open();
});
afterAll(() => session.close());

/** Values of every type; nulls are mixed in by the tests. */
const samples: Readonly<Record<string, readonly unknown[]>> = {
  boolean: [true, false],
  tinyint: [-128, 127],
  smallint: [-32768, 32767],
  int: [-(2 ** 31), 2 ** 31 - 1],
  bigint: [-(2n ** 63n), 2n ** 63n - 1n, 5],
  utinyint: [0, 255],
  usmallint: [0, 65535],
  uint: [0, 2 ** 32 - 1],
  ubigint: [0, 2n ** 64n - 1n],
  float: [1.5, -0.25, Number.POSITIVE_INFINITY],
  double: [Math.PI, -1e300, Number.NaN],
  string: ["", "short", "more than twelve bytes", "Grüße 🙂"],
  binary: [new Uint8Array(0), Uint8Array.of(1, 2, 3), new Uint8Array(100).fill(7)],
  date: [new Date("1969-12-31"), new Date("2024-02-29")],
  timestamp: [new Date("2024-02-29T12:34:56.789Z"), new Date("1960-01-01T00:00:00Z")],
  timestamp_ntz: [new Date("2024-02-29T12:34:56.789Z")],
  time: [45_296_000_001, 0],
  "decimal(4,1)": [-12.5, 999.9],
  "decimal(9,2)": [1234567.25, -0.01],
  "decimal(18,3)": [-123456789012.125],
  "decimal(30,2)": [123456789.25, -5],
  "array<int>": [Int32Array.of(1, 2, 3), new Int32Array(0)],
  "array<string>": [["a", null, "a longer text than twelve"], []],
  "array<array<double>>": [[Float64Array.of(1, 2), new Float64Array(0)], []],
  "float[3]": [Float32Array.of(1, 2, 3), Float32Array.of(-1, 0.5, 4)],
  "utinyint[2,2]": [Uint8Array.of(1, 2, 3, 4)],
  "struct<a:int,b:string>": [
    { a: 1, b: "x" },
    { a: null, b: null },
  ],
  "struct<v:float[2],l:array<int>>": [{ v: Float32Array.of(1, 2), l: Int32Array.of(5) }],
  "map<string,int>": [{ x: 1, y: 2 }, {}],
};

describe.each(Object.entries(samples))("%s", (type, values) => {
  const rows = (count: number): Row[] =>
    Array.from({ length: count }, (_, id) => ({ id, x: id % 3 === 1 ? null : values[id % values.length] }));

  test("survives SQL", async () => {
    const all = rows(7);
    const df = session.createDataFrame(all, { id: "int", x: type });
    const queried = df.withColumn("twice", "id * 2").filter("id <> 3").drop("twice");
    expect((await queried.schema()).toJSON().x).toBe(type);
    expect(await queried.collect()).toEqual(all.filter(({ id }) => id !== 3));
  });

  test("survives many rows, tables and another order", async () => {
    const all = rows(5000);
    const df = session.createDataFrame(all, { id: "int", x: type }).orderBy("id").cache();
    const found = await df.filter("id % 2 = 0 OR id > 4000").collect();
    expect(found.length).toBe(3000);
    expect(found.filter(({ id }) => Number(id) % 500 < 6)).toEqual(
      all.filter(({ id }) => (Number(id) % 2 === 0 || Number(id) > 4000) && Number(id) % 500 < 6),
    );
    const descending = await df.filter("id < 3000").selectExpr("*").limit(2999, 1).collect();
    expect(descending.slice(-2)).toEqual(all.slice(2998, 3000));
    await df.unpersist();
  });
});

describe("types that Arrow lacks", () => {
  test("are cast where nothing is lost", async () => {
    const df = session.sql(`SELECT sum(x) AS hugeint, 'b'::ENUM ('a', 'b') AS enum,
      '00000000-0000-0000-0000-00000000002a'::UUID AS uuid, TIMESTAMP_NS '2024-01-01 00:00:00.000001' AS ns,
      TIMESTAMP_MS '2024-01-01 00:00:00.001' AS ms, TIMESTAMP_S '2024-01-01 00:00:01' AS s,
      [1::HUGEINT, NULL] AS list, [1.5, 2.5, 3.5, 4.5, 5.5, 6.5]::DOUBLE[6] AS vector, ['a', 'b']::VARCHAR[2] AS pair,
      [[1, 2], [3, 4], [5, 6]]::FLOAT[2][3] AS matrix FROM (VALUES (1::BIGINT), (2)) AS t(x)`);
    expect((await df.schema()).toJSON()).toEqual({
      hugeint: "bigint",
      enum: "string",
      uuid: "string",
      ns: "timestamp_ntz",
      ms: "timestamp_ntz",
      s: "timestamp_ntz",
      list: "array<bigint>",
      vector: "double[6]",
      pair: "array<string>",
      matrix: "float[3,2]",
    });
    expect(await df.collect()).toEqual([
      {
        hugeint: 3,
        enum: "b",
        uuid: "00000000-0000-0000-0000-00000000002a",
        ns: new Date("2024-01-01"),
        ms: new Date("2024-01-01T00:00:00.001Z"),
        s: new Date("2024-01-01T00:00:01Z"),
        list: [1, null],
        vector: Float64Array.of(1.5, 2.5, 3.5, 4.5, 5.5, 6.5),
        pair: ["a", "b"],
        matrix: Float32Array.of(1, 2, 3, 4, 5, 6),
      },
    ]);
  });

  test("fail where something would be lost", async () => {
    await expect(session.sql("SELECT 100000000000000000000::HUGEINT AS x").collect()).rejects.toThrow(
      "out of range for the destination type INT64",
    );
    await expect(session.sql("SELECT TIMESTAMP_NS '2024-01-01 00:00:00.000000001' AS x").collect()).rejects.toThrow(
      'column "x" has nanoseconds that a timestamp cannot hold; cast it first, as in CAST("x" AS TIMESTAMP)',
    );
  });

  test("are refused with the cast to write, which then works", async () => {
    const df = session.sql("SELECT INTERVAL 3 DAY AS wait, 1 AS x");
    await expect(df.collect()).rejects.toThrow(
      'DuckDB: column "wait" has type INTERVAL, which Arrow lacks; cast it first, as in CAST("wait" AS VARCHAR)',
    );
    expect(await df.drop("wait").collect()).toEqual([{ x: 1 }]);
    expect(await df.withColumn("wait", "CAST(wait AS VARCHAR)").collect()).toEqual([{ wait: "3 days", x: 1 }]);
  });
});

describe("tensors", () => {
  test("keep their shape through SQL by their name", async () => {
    const df = session.createDataFrame([{ t: [1, 2, 3, 4, 5, 6], n: 1 }], { t: "float[2,3]", n: "int" });
    expect((await df.withColumn("n", "n + 1").filter("n > 0").schema()).toJSON()).toEqual({
      t: "float[2,3]",
      n: "int",
    });
    expect((await df.selectExpr("t AS u").schema()).toJSON()).toEqual({ u: "float[6]" });
    expect((await df.select("t").distinct().orderBy("t").schema()).toJSON()).toEqual({ t: "float[2,3]" });
  });

  test("may be longer than DuckDB's arrays", async () => {
    const t = Float32Array.from({ length: 150_528 }, (_, i) => i);
    const df = session.createDataFrame([{ t, n: 1 }], { t: "float[3,224,224]", n: "int" }).withColumn("m", "n + 1");
    expect((await df.schema()).toJSON()).toEqual({ t: "float[3,224,224]", n: "int", m: "int" });
    expect((await df.first())!.t).toEqual(t);
  });
});

describe("Arrow tables", () => {
  test("are taken as they are, or converted", async () => {
    const table = new arrow.Table({
      int: arrow.vectorFromArray([1, 2, null], new arrow.Int32()),
      name: arrow.vectorFromArray(["a", "b", "a"], new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32())),
      ms: arrow.vectorFromArray([0, 1, 2], new arrow.TimestampMillisecond()),
      list: arrow.vectorFromArray([[1], [], [2, 3]], new arrow.List(new arrow.Field("x", new arrow.Float64()))),
    });
    const df = session.createDataFrame(table);
    expect(df.knownSchema?.toJSON()).toEqual({
      int: "int",
      name: "string",
      ms: "timestamp_ntz",
      list: "array<double>",
    });
    const expected = [
      { int: 1, name: "a", ms: new Date(0), list: Float64Array.of(1) },
      { int: 2, name: "b", ms: new Date(1), list: new Float64Array(0) },
      { int: null, name: "a", ms: new Date(2), list: Float64Array.of(2, 3) },
    ];
    expect(await df.collect()).toEqual(expected);
    expect(await df.filter("true").collect()).toEqual(expected);
    expect(await session.createDataFrame(table.slice(1, 3)).filter("true").collect()).toEqual(expected.slice(1));
  });
});

describe("names of columns", () => {
  test("that differ in case only are an error, since DuckDB would read the first for both", async () => {
    const told = 'columns "a", "A" differ in upper and lower case only; rename one with AS';
    await expect(session.sql('SELECT 1 AS a, 2 AS "A"').collect()).rejects.toThrow(told);
    await expect(
      session
        .createDataFrame([{ a: 1 }])
        .withColumn("A", "a + 1")
        .collect(),
    ).rejects.toThrow(told);
  });

  test("such as numbers stay with their values", async () => {
    const df = session.createDataFrame([{ b: 1 }, { b: 2, 0: 9 }]);
    expect(await df.select("b", "0").filter("b > 0").values("b")).toEqual([1, 2]);
  });

  test("that are empty are an error", async () => {
    await expect(
      session
        .createDataFrame([{ "": 1, a: 2 }])
        .filter("a > 1")
        .collect(),
    ).rejects.toThrow("Schema: a column's name is empty; rename it");
  });
});

test("parts of sorted rows never overlap, though DuckDB gives equal keys in any order", async () => {
  await session.sql("CREATE TABLE ties AS SELECT i, i % 3 AS k FROM range(500000) AS r(i)").collect();
  const parts = session.table("ties").orderBy("k").randomSplit([0.5, 0.5], { seed: 1 });
  const sums = await Promise.all(parts.map((part) => part.agg({ sum: "sum(i)" }).values("sum")));
  expect(Number(sums[0]) + Number(sums[1])).toBe((500_000 * 499_999) / 2);
});
