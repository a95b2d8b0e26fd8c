/** @file Values at the edges: times without end, vectors of no numbers, maps, Arrow's units of time, what JSON lacks. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as arrow from "apache-arrow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Session } from "../../session.js";

let session: Session;
let folder: string;
beforeAll(async () => {
  session = await Session.open();
  folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
});
afterAll(async () => {
  await session.close();
  await rm(folder, { recursive: true, force: true });
});

const one = async (expression: string) => (await session.sql(`SELECT ${expression} AS x`).first())!.x;

describe("times", () => {
  test("without end or beginning are Infinity and -Infinity, there and back", async () => {
    expect(await one("'infinity'::TIMESTAMP")).toBe(Number.POSITIVE_INFINITY);
    expect(await one("'-infinity'::TIMESTAMPTZ")).toBe(Number.NEGATIVE_INFINITY);
    expect(await one("['-infinity'::DATE]")).toEqual([Number.NEGATIVE_INFINITY]);
    const rows = [{ day: Number.POSITIVE_INFINITY, seen: Number.NEGATIVE_INFINITY }];
    const df = session.createDataFrame(rows, { day: "date", seen: "timestamp" });
    expect(await df.collect()).toEqual(rows);
    expect(await df.filter("isinf(day) AND isinf(seen)").count()).toBe(1);
  });

  test("that no Date can hold are an error", async () => {
    await expect(one("DATE '290000-01-01'")).rejects.toThrow(
      "collect: a date lies beyond what a Date can hold (the years -271821 to 275760); cast its column to STRING first",
    );
    expect(await one("CAST(DATE '290000-01-01' AS STRING)")).toBe("290000-01-01");
  });

  test("before 1970 go to the millisecond before them", async () => {
    expect(await one("TIMESTAMP '1969-12-31 23:59:59.999999'")).toEqual(new Date(-1));
  });

  const column = (type: arrow.DataType, values: bigint[]) => {
    const data = arrow.makeData({ type: type as arrow.TimestampNanosecond, data: BigInt64Array.from(values) });
    return new arrow.Table({ t: new arrow.Vector([data]) });
  };

  test("of Arrow tables keep their microseconds, whatever their unit", async () => {
    const micros = (table: arrow.Table) => session.createDataFrame(table).selectExpr("epoch_us(t) AS us").values("us");
    const nanos = column(new arrow.TimestampNanosecond(), [1_577_836_800_123_456_000n, -1000n]);
    expect(await micros(nanos)).toEqual([1_577_836_800_123_456, -1]);
    expect(await micros(column(new arrow.TimestampMillisecond(), [-1n]))).toEqual([-1000]);
    const time = column(new arrow.TimeNanosecond(), [1_000_000n]);
    expect(await session.createDataFrame(time).selectExpr("CAST(t AS STRING) AS s").values("s")).toEqual([
      "00:00:00.001",
    ]);
  });

  test("of Arrow tables with nanoseconds are an error", () => {
    const table = column(new arrow.TimestampNanosecond(), [0n, 1n]);
    expect(() => session.createDataFrame(table)).toThrow(
      'createDataFrame: row 1 of column "t" (Timestamp<NANOSECOND>) has nanoseconds that a timestamp cannot hold; round it to microseconds first',
    );
  });
});

describe("vectors of no numbers", () => {
  const empty = [{ v: new Float32Array(0) }, { v: null }, { v: new Float32Array(0) }];

  test("stay vectors", async () => {
    const df = session.createDataFrame(empty, { v: "float[0]" });
    expect(await df.collect()).toEqual(empty);
    expect(await df.filter("v IS NOT NULL").count()).toBe(2);
  });
});

test("Maps are maps, and objects without a prototype structs", async () => {
  const rows = [{ m: new Map([[3, "c"]]), s: Object.assign(Object.create(null), { a: 1 }) }];
  const df = session.createDataFrame(rows);
  expect((await df.schema()).toJSON()).toEqual({ m: "map<double,string>", s: "struct<a:double>" });
  expect(await df.collect()).toEqual([{ m: { 3: "c" }, s: { a: 1 } }]);
  const whole = session.createDataFrame([...rows, { m: new Map() }, { m: { 4: "d" } }].slice(0, 2), {
    m: "map<int,string>",
  });
  expect(await whole.values("m")).toEqual([{ 3: "c" }, {}]);
});

test("write.json writes null where JSON has no number, within lists, structs and maps too", async () => {
  const path = join(folder, "rows.json");
  const query =
    "SELECT 'NaN'::DOUBLE AS a, ['Infinity'::FLOAT, 1] AS l, {'x': '-Infinity'::DOUBLE, 'y': [{'z': 'NaN'::DOUBLE}]} AS s," +
    " map {'k': 'NaN'::DOUBLE} AS m, [1.5, 'NaN'::FLOAT]::FLOAT[2] AS v, 'NaN' AS t, NULL::STRUCT(q DOUBLE) AS n";
  await session.sql(query).write.json(path);
  expect(JSON.parse(await readFile(path, "utf8"))).toEqual({
    a: null,
    l: [null, 1],
    s: { x: null, y: [{ z: null }] },
    m: { k: null },
    v: [1.5, null],
    t: "NaN",
    n: null,
  });
});

test("describe gives NaN for the deviation of numbers that are not all finite", async () => {
  const df = session.createDataFrame([{ x: 1 }, { x: Number.NaN }, { x: 3 }, { x: null }]);
  const rows = await df.describe().collect();
  expect(rows.map(({ summary, x }) => [summary, x])).toEqual([
    ["count", "3"],
    ["mean", "nan"],
    ["stddev", "nan"],
    ["min", "1.0"],
    ["max", "nan"],
  ]);
});
