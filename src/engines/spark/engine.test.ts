import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { noSpark, sparkUrl } from "../../../test/spark.js";
import type { Progress } from "../../data/engine.js";
import { SchemaError } from "../../errors.js";
import { Session } from "../../session.js";

describe.skipIf(noSpark)(`the Spark engine${noSpark ? ` (${noSpark})` : ""}`, () => {
  const news: Progress[] = [];
  let opened: Promise<Session> | undefined;
  const open = () => {
    opened ??= sparkUrl().then((url) => Session.open(url, { onProgress: (progress) => news.push(progress) }));
    return opened;
  };
  afterAll(async () => (await opened)?.close());

  test("keeps types that Spark lacks, as far as SQL does not change the column", async () => {
    const session = await open();
    const rows = [
      { a: 200, b: 2 ** 32 - 1, c: 2n ** 63n, t: Float32Array.of(1, 2, 3, 4), u: Uint8Array.of(0, 255) },
      { a: null, b: null, c: null, t: null, u: null },
    ];
    const types = { a: "utinyint", b: "uint", c: "ubigint", t: "float[2,2]", u: "utinyint[2]" };
    const df = session.createDataFrame(rows, types);
    expect(await df.collect()).toEqual(rows);
    const next = df.filter("a > 0 OR a IS NULL").withColumn("d", "a + 1").withColumn("t2", "slice(t, 1, 2)");
    expect((await next.schema()).toJSON()).toEqual({ ...types, d: "int", t2: "array<float>" });
    expect((await next.collect())[0]).toEqual({ ...rows[0], d: 201, t2: Float32Array.of(1, 2) });
  });

  test("sends many rows through the server's cache, once", async () => {
    const session = await open();
    const df = session.createDataFrame(Array.from({ length: 200_000 }, (_, i) => ({ i, text: `row ${i}` })));
    const [sum] = await df.agg({ n: "count(*)", sum: "sum(i)", texts: "count(distinct text)" }).collect();
    expect(sum).toEqual({ n: 200_000, sum: 19_999_900_000, texts: 200_000 });
    expect(await df.filter("i = 199999").collect()).toEqual([{ i: 199_999, text: "row 199999" }]);
  });

  test("streams results without holding them all", async () => {
    const session = await open();
    let rows = 0;
    let batches = 0;
    for await (const batch of session.sql("SELECT id, uuid() AS text FROM range(1000000)").batches()) {
      rows += batch.numRows;
      batches++;
    }
    expect(rows).toBe(1_000_000);
    expect(batches).toBeGreaterThan(5);
  });

  test("reports the progress of tasks", async () => {
    const session = await open();
    news.length = 0;
    await session.sql("SELECT count(*) FROM range(300000000) WHERE sin(id) > 0.5").collect();
    expect(news.at(-1)).toMatchObject({ task: "Spark", unit: "tasks", finished: true });
  });

  test("ends the cluster's job when the signal aborts", async () => {
    const session = await open();
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("enough")), 1000);
    const endless = session.sql("SELECT count(*) FROM range(1000000000000) WHERE sin(id) > 2");
    await expect(endless.collect({ signal: stop.signal })).rejects.toThrow("enough");
    // a cluster of two cores that still counted would not come to this
    expect(await session.sql("SELECT count(*) AS n FROM range(10)").collect()).toEqual([{ n: 10 }]);
  });

  test("runs a command once, however often its result is looked at", async () => {
    const session = await open();
    const path = await mkdtemp(join(tmpdir(), "deepframe-table-"));
    try {
      await session.sql(`CREATE TABLE fruits (name STRING) USING csv LOCATION '${path}'`).collect();
      const insert = session.sql("INSERT INTO fruits VALUES ('apple')");
      await insert.schema();
      await insert.collect();
      await insert.count();
      expect(await session.table("fruits").collect()).toEqual([{ name: "apple" }]);
      await session.sql("DROP TABLE fruits").collect();
    } finally {
      await rm(path, { recursive: true });
    }
  });

  test("reads and writes files through Spark", async () => {
    const session = await open();
    const folder = await mkdtemp(join(tmpdir(), "deepframe-files-"));
    try {
      const rows = [
        { id: 1, v: Float32Array.of(1, 2) },
        { id: 2, v: Float32Array.of(3, 4) },
      ];
      const df = session.createDataFrame(rows, { id: "int", v: "float[2]" });
      await df.write.parquet(join(folder, "a.parquet"));
      await expect(df.write.parquet(join(folder, "a.parquet"))).rejects.toThrow(
        "exists already; pass { overwrite: true } to replace it",
      );
      const back = session.read.parquet(join(folder, "a.parquet"));
      expect((await back.schema()).toJSON()).toEqual({ id: "int", v: "float[2]" });
      expect(await back.orderBy("id").collect()).toEqual(rows);
      await writeFile(join(folder, "b.csv"), "id,zip,name\n1,007,Ada\n2,012,\n");
      const csv = session.read.csv(join(folder, "b.csv"), { types: { zip: "string" } });
      expect(await csv.collect()).toEqual([
        { id: 1, zip: "007", name: "Ada" },
        { id: 2, zip: "012", name: null },
      ]);
      await writeFile(join(folder, "c.txt"), "1 1:0.5 3:2\n0 2:1\n");
      const features = [Float64Array.of(0.5, 0, 2), Float64Array.of(0, 1, 0)];
      expect(await session.read.libsvm(join(folder, "c.txt")).values("features")).toEqual(features);
      await expect(session.read.parquet(join(folder, "none")).count()).rejects.toThrow(
        "does not exist where Spark runs",
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("numbers rows of files where they lie, as one task would", async () => {
    const session = await open();
    const folder = await mkdtemp(join(tmpdir(), "deepframe-numbers-"));
    try {
      const path = join(folder, "rows.parquet");
      await session.sql("SELECT id, id % 7 AS k FROM range(0, 1000, 1, 5)").write.parquet(path);
      for (const name of ["a", "b", "c", "d"]) await writeFile(join(folder, `${name}.bin`), name.repeat(1000));
      const rows = session.read.parquet(path);
      const files = session.read.binaryFiles(folder).filter("path NOT LIKE '%parquet'");
      for (const [df, key] of [
        [rows.filter("k < 6"), "id"],
        [files, "path"],
      ] as const) {
        const parts = df.randomSplit([0.5, 0.3, 0.2], { seed: 3 });
        expect(await df.engine.explain(parts[0].plan)).toContain("BroadcastHashJoin");
        // the cache's rows are numbered by one task
        const kept = df.cache();
        const others = kept.randomSplit([0.5, 0.3, 0.2], { seed: 3 });
        const found = await Promise.all(parts.map((part) => part.values(key)));
        expect(found).toEqual(await Promise.all(others.map((part) => part.values(key))));
        expect(found.flat().sort()).toEqual((await kept.values(key)).sort());
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("gives Spark's whole message, its class and SQL state", async () => {
    const session = await open();
    const failure = await session
      .sql("SELECT assert_true(id < 5) FROM range(10)")
      .collect()
      .catch((error) => error);
    expect(failure).toMatchObject({
      name: "EngineError",
      code: "SPARK",
      fields: { errorClass: "USER_RAISED_EXCEPTION" },
    });
    expect(failure.message).toMatch(/'\(id < 5\)' is not true!/);
    expect(failure.fields.sqlState).toBe("P0001");
    const wrong = await session
      .sql("SELECT nothing(1)")
      .collect()
      .catch((error) => error);
    expect(wrong).toBeInstanceOf(SchemaError);
    expect(wrong.message).toMatch(/^session.sql: .*`nothing`/);
  });

  test("says where no server listens", async () => {
    await expect(Session.open("sc://127.0.0.1:1", { connectTimeout: 300 })).rejects.toThrow(
      /^Spark: cannot reach the server at 127.0.0.1:1 \(.*\); is it running there, and do use_ssl and the port fit\?$/,
    );
  });
});
