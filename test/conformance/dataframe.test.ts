/** @file What DataFrames must do on every engine: relational methods, splits, views, errors. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { col, expr, lit, when } from "../../src/data/expr.js";
import { engines } from "../engines.js";

const people = [
  { name: "Ada", age: 36, city: "London" },
  { name: "Alan", age: 41, city: "London" },
  { name: "Grace", age: null, city: "New York" },
  { name: "Edsger", age: 72, city: "Rotterdam" },
];

describe.each(engines)("a DataFrame on $name", ({ frame, session }) => {
  const all = () => frame(people, { name: "string", age: "int", city: "string" });

  test("gives back its rows, in order, values and nulls as they were", async () => {
    const df = await all();
    expect(await df.collect()).toEqual(people);
    expect(await df.count()).toBe(4);
    expect(await df.first()).toEqual(people[0]);
    expect(await df.take(2)).toEqual(people.slice(0, 2));
    expect(await df.limit(2, 1).values("name")).toEqual(["Alan", "Grace"]);
  });

  test("writes null into JSON for what is no number there, within lists, structs and maps too", async () => {
    const folder = await mkdtemp(join(tmpdir(), "deepframe-json-"));
    try {
      const [nan, infinity] = [Number.NaN, Number.POSITIVE_INFINITY];
      const finite = { id: 0, x: 0.5, l: [1.5], s: { a: 0.5, b: [{ z: 2.5 }] }, m: { k: 3.5 }, v: [1, 2], t: "NaN" };
      const rows = [
        finite,
        {
          id: 1,
          x: nan,
          l: [infinity, 1.5],
          s: { a: -infinity, b: [{ z: nan }] },
          m: { k: nan },
          v: [1.5, nan],
          t: "",
        },
        { id: 2, x: infinity, l: null, s: null, m: null, v: null, t: null },
      ];
      const types = {
        id: "bigint",
        x: "double",
        l: "array<double>",
        s: "struct<a:double,b:array<struct<z:double>>>",
        m: "map<string,double>",
        v: "float[2]",
        t: "string",
      };
      const path = join(folder, "rows.json");
      await (await frame(rows, types)).write.json(path);
      const back = (await session()).read.json(path).orderBy("id");
      const found = (await back.collect()).map(({ m, ...row }) => ({
        ...row,
        k: (m as { k?: unknown } | null)?.k ?? null,
      }));
      expect(found).toEqual([
        { id: 0, x: 0.5, l: Float64Array.of(1.5), s: finite.s, k: 3.5, v: Float64Array.of(1, 2), t: "NaN" },
        { id: 1, x: null, l: [null, 1.5], s: { a: null, b: [{ z: null }] }, k: null, v: [1.5, null], t: "" },
        { id: 2, x: null, l: null, s: null, k: null, v: null, t: null },
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("is not changed by its methods", async () => {
    const df = await all();
    df.filter("age > 40");
    df.drop("age");
    expect((await df.schema()).names).toEqual(["name", "age", "city"]);
    expect(await df.count()).toBe(4);
  });

  test("knows its schema at once where it can", async () => {
    const df = await all();
    expect(
      df.filter("age > 1").orderBy("age").limit(3).drop("age").withColumnRenamed("name", "who").knownSchema?.toJSON(),
    ).toEqual({
      who: "string",
      city: "string",
    });
    const computed = df.withColumn("next", "age + 1");
    expect(computed.knownSchema).toBeUndefined();
    expect((await computed.schema()).toJSON()).toEqual({ name: "string", age: "int", city: "string", next: "int" });
  });

  test("selects columns, expressions and all columns", async () => {
    const df = (await all()).limit(1);
    expect(await df.select("city", col("age").add(1).as("next")).collect()).toEqual([{ city: "London", next: 37 }]);
    expect(await df.select("*", lit("x").as("x")).collect()).toEqual([{ ...people[0], x: "x" }]);
    expect(await df.select(col("name").as("who")).collect()).toEqual([{ who: "Ada" }]);
    expect(await df.selectExpr("upper(name) AS shout", "age * 2 AS twice").collect()).toEqual([
      { shout: "ADA", twice: 72 },
    ]);
  });

  test("adds, replaces, renames and drops columns", async () => {
    const df = (await all()).limit(1);
    expect(await df.withColumn("age", "age + 1").collect()).toEqual([{ name: "Ada", age: 37, city: "London" }]);
    const made = df.withColumn("old", col("age").gt(30)).withColumnRenamed("old", "is old").drop("city");
    expect(await made.collect()).toEqual([{ name: "Ada", age: 36, "is old": true }]);
    expect(Object.keys((await made.first())!)).toEqual(["name", "age", "is old"]);
  });

  test.each([
    ["a fragment", "age > 40 AND city LIKE 'L%'"],
    ["an expression", col("age").gt(40).and(col("city").like("L%"))],
    ["a mixture", expr("age > 40").and(col("city").eq("London"))],
  ])("filters by %s", async (_, condition) => {
    expect(await (await all()).filter(condition).values("name")).toEqual(["Alan"]);
  });

  test("computes rows once where they are cached", async () => {
    const df = (await all()).selectExpr("name", "uuid() AS id").cache();
    const first = await df.select("id").values("id");
    expect(await df.filter("name IS NOT NULL").values("id")).toEqual(first);
    expect(await df.values("id")).toEqual(first);
    await df.unpersist();
    expect(await df.values("id")).not.toEqual(first);
  });

  test("compares with null as SQL does", async () => {
    const df = await all();
    expect(await df.filter(col("age").isNull()).values("name")).toEqual(["Grace"]);
    expect(await df.filter(col("age").lt(1000)).count()).toBe(3);
    expect(await df.selectExpr("name", "age > 40 AS old").filter("old").values("name")).toEqual(["Alan", "Edsger"]);
    expect(await df.filter(col("name").isIn("Ada", "Grace")).count()).toBe(2);
    expect(await df.filter(col("age").between(36, 41)).count()).toBe(2);
  });

  test("chooses by when and otherwise", async () => {
    const kind = when(col("age").lt(40), "young").when("age < 60", "middle").otherwise("old");
    expect(await (await all()).withColumn("kind", kind).values("kind")).toEqual(["young", "middle", "old", "old"]);
    expect(await (await all()).select(when("age > 40", 1).as("x")).values("x")).toEqual([null, 1, null, 1]);
  });

  test("holds names and texts with any characters", async () => {
    const df = await frame([{ 'a "b" c': "it's", select: 1 }]);
    expect(await df.filter(col('a "b" c').eq("it's")).select('a "b" c', "select").collect()).toEqual([
      { 'a "b" c': "it's", select: 1 },
    ]);
  });

  test("orders by columns and directions, nulls last", async () => {
    const df = await all();
    expect(await df.orderBy("age").values("name")).toEqual(["Ada", "Alan", "Edsger", "Grace"]);
    expect(await df.orderBy(col("age").desc()).values("name")).toEqual(["Edsger", "Alan", "Ada", "Grace"]);
    expect(await df.orderBy("city", col("name").desc()).values("name")).toEqual(["Alan", "Ada", "Grace", "Edsger"]);
  });

  test("groups and aggregates", async () => {
    const df = await all();
    const cities = df.groupBy("city").agg({ people: "count(*)", oldest: "max(age)" }).orderBy("city");
    expect(await cities.collect()).toEqual([
      { city: "London", people: 2, oldest: 41 },
      { city: "New York", people: 1, oldest: null },
      { city: "Rotterdam", people: 1, oldest: 72 },
    ]);
    expect(await df.agg({ mean: "avg(age)", total: "sum(age)" }).collect()).toEqual([{ mean: 149 / 3, total: 149 }]);
    expect(await df.groupBy(col("age").gt(40).as("old")).count().orderBy("old").collect()).toEqual([
      { old: false, count: 1 },
      { old: true, count: 2 },
      { old: null, count: 1 },
    ]);
    expect(await df.groupBy("city").avg("age").filter("city = 'London'").collect()).toEqual([
      { city: "London", "avg(age)": 38.5 },
    ]);
  });

  test("joins by columns and by conditions", async () => {
    const df = await all();
    const cities = await frame([
      { city: "London", country: "UK" },
      { city: "Rotterdam", country: "NL" },
      { city: "Paris", country: "FR" },
    ]);
    const names = async (how: "inner" | "left" | "right" | "full" | "semi" | "anti") =>
      (await df.join(cities, "city", how).select("name").orderBy("name").values("name")) as (string | null)[];
    expect(await names("inner")).toEqual(["Ada", "Alan", "Edsger"]);
    expect(await names("left")).toEqual(["Ada", "Alan", "Edsger", "Grace"]);
    expect(await names("right")).toEqual(["Ada", "Alan", "Edsger", null]);
    expect(await names("full")).toEqual(["Ada", "Alan", "Edsger", "Grace", null]);
    expect(await names("semi")).toEqual(["Ada", "Alan", "Edsger"]);
    expect(await names("anti")).toEqual(["Grace"]);
    expect(await df.join(cities.select("country"), undefined, "cross").count()).toBe(12);
  });

  test("unites", async () => {
    const df = (await all()).limit(1);
    const other = await frame([{ city: "Turin", age: 1, name: "Rita" }], {
      city: "string",
      age: "int",
      name: "string",
    });
    expect(await df.union(df).count()).toBe(2);
    expect(await df.unionByName(other).orderBy("age").values("name")).toEqual(["Rita", "Ada"]);
    expect(() => df.union(other)).toThrow(
      'union: the columns differ: "name", "age", "city" and "city", "age", "name"; select the same ones, or use unionByName',
    );
  });

  test("leaves out rows that stand twice", async () => {
    const df = await frame([{ x: 1 }, { x: 1 }, { x: null }, { x: null }]);
    expect(await df.distinct().count()).toBe(2);
  });

  test("keeps rows once computed when asked to", async () => {
    const df = (await all()).withColumn("luck", "random()").cache();
    const first = await df.values("luck");
    expect(await df.values("luck")).toEqual(first);
    expect((await df.unpersist()).plan).not.toBe(df.plan);
  });

  test("can be named and asked in SQL", async () => {
    const df = await all();
    const engine = await session();
    await df.filter("age > 40").createOrReplaceTempView("elders");
    expect(await engine.sql("SELECT count(*) AS n FROM elders;").collect()).toEqual([{ n: 2 }]);
    expect(
      await engine.sql("WITH x AS (SELECT * FROM elders) SELECT name FROM x ORDER BY name").values("name"),
    ).toEqual(["Alan", "Edsger"]);
    expect(await engine.table("elders").values("name")).toEqual(["Alan", "Edsger"]);
    // a name may be given anew, even to a table made of what it named before
    await engine.table("elders").limit(1).createOrReplaceTempView("elders");
    expect(await engine.sql("SELECT name FROM elders").values("name")).toEqual(["Alan"]);
    await expect(engine.sql("SELECT * FROM elder").collect()).rejects.toThrow('session.sql: no table or view "elder"');
  });

  test("shows rows as a table", async () => {
    const df = await frame([
      { name: "Ada", age: 36 },
      { name: "a long name that is cut off", age: null },
    ]);
    expect(await df.showString()).toBe(
      [
        "+--------------------+----+",
        "|                name| age|",
        "+--------------------+----+",
        "|                 Ada|  36|",
        "|a long name that ...|NULL|",
        "+--------------------+----+",
      ].join("\n"),
    );
    expect(await df.showString(1)).toMatch(/only showing top 1 row$/);
  });

  test("describes numbers and strings", async () => {
    const found = await (await all()).select("name", "age").describe().collect();
    expect(found.map(({ summary }) => summary)).toEqual(["count", "mean", "stddev", "min", "max"]);
    expect(found.map(({ name }) => name)).toEqual(["4", null, null, "Ada", "Grace"]);
    expect(found.map(({ age }) => Number(age))).toEqual([3, 149 / 3, expect.closeTo(19.5021, 3), 36, 72]);
  });

  test("says what a missing column could have been", async () => {
    const df = await all();
    const message = 'no column "agee" in the data (it has "name", "age", "city"); did you mean "age"?';
    expect(() => df.select("agee")).toThrow(`select: ${message}`);
    expect(() => df.drop("agee")).toThrow(`drop: ${message}`);
    expect(() => df.groupBy("agee").count()).toThrow(`groupBy: ${message}`);
    expect(() => df.col("agee")).toThrow(`col: ${message}`);
    expect(() => df.orderBy("age desc")).toThrow(
      'orderBy: no column "age desc" in the data (it has "name", "age", "city"); write col("age").desc()',
    );
    await expect(df.filter("agee > 1").collect()).rejects.toThrow(`filter: ${message}`);
    await expect(df.withColumn("x", "agee + 1").drop("x").collect()).rejects.toThrow(`withColumn: ${message}`);
  });

  test("gives batches of at most the rows asked for", async () => {
    const df = await frame(Array.from({ length: 10 }, (_, x) => ({ x })));
    const sizes: number[] = [];
    for await (const batch of df.batches({ rows: 4 })) sizes.push(batch.numRows);
    expect(sizes).toEqual([4, 4, 2]);
    expect((await df.filter("x > 100").toArrow()).schema.names).toEqual(["x"]);
  });

  test("stops when the signal aborts", async () => {
    const signal = AbortSignal.abort(new Error("no more"));
    await expect((await all()).collect({ signal })).rejects.toThrow("no more");
  });
});

describe.each(engines)("parts of a DataFrame on $name", ({ frame }) => {
  const rows = Array.from({ length: 2000 }, (_, id) => ({ id, group: id % 7 }));

  test("never overlap, cover all rows, follow the weights, and are the same each time", async () => {
    const df = await frame(rows);
    const [a, b, c] = df.randomSplit([6, 3, 1], { seed: 7 });
    const parts = (await Promise.all([a, b, c].map((part) => part.values("id")))) as number[][];
    expect(parts.flat().sort((x, y) => x - y)).toEqual(rows.map(({ id }) => id));
    expect(Math.abs(parts[0]!.length - 1200)).toBeLessThan(100);
    expect(Math.abs(parts[2]!.length - 200)).toBeLessThan(60);
    const [again] = (await frame(rows)).randomSplit([6, 3, 1], { seed: 7 });
    expect(await again.values("id")).toEqual(parts[0]);
    const [other] = df.randomSplit([6, 3, 1], { seed: 8 });
    expect(await other.values("id")).not.toEqual(parts[0]);
  });

  test("hold where rows have no order of their own", async () => {
    const df = (await frame(rows)).groupBy("group").agg({ n: "count(*)", mean: "avg(id)" });
    const twins = df.union(df).union(df);
    for (let run = 0; run < 3; run++) {
      const [a, b] = twins.randomSplit([0.5, 0.5], { seed: 3 });
      const [x, y] = await Promise.all([a.collect(), b.collect()]);
      expect(x.length + y.length).toBe(21);
      const counts = new Map<unknown, number>();
      for (const { group } of [...x, ...y]) counts.set(group, (counts.get(group) ?? 0) + 1);
      expect([...counts.values()]).toEqual(new Array(7).fill(3));
    }
  });

  test("are drawn once at most, about as many as asked for", async () => {
    const df = await frame(rows);
    const ids = (await df.sample(0.25, { seed: 1 }).values("id")) as number[];
    expect(new Set(ids).size).toBe(ids.length);
    expect(Math.abs(ids.length - 500)).toBeLessThan(70);
    expect(await df.sample(0).count()).toBe(0);
    expect(await df.sample(1).count()).toBe(2000);
    expect(() => df.sample(2)).toThrow("sample: fraction must be 0 to 1, got 2");
    expect(() => df.randomSplit([1, -1])).toThrow(
      "randomSplit: weights must be numbers of at least 0, not all 0; got [1, -1]",
    );
  });
});
