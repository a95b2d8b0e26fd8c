/** @file Rows that flow: the main thread stays free, many queries wait at once, failures and early ends are clean. */

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Times, VectorSum } from "../../../test/fixtures/stages.js";
import { quietLoop } from "../../../test/loop-delay.js";
import type { Progress } from "../../data/engine.js";
import { sharedPool } from "../../runtime/shared-pool.js";
import { Session } from "../../session.js";

let session: Session;
let folder: string;
const news: Progress[] = [];
beforeAll(async () => {
  session = await Session.open("duckdb:", { onProgress: (progress) => news.push(progress) });
  folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
});
afterAll(async () => {
  await session.close();
  await rm(folder, { recursive: true, force: true });
});

const double = new Times({ inputCol: "id", outputCol: "y" });
const numbers = (rows: number, columns = 1) =>
  session.sql(
    `SELECT range AS id${Array.from({ length: columns }, (_, i) => `, (range * ${i + 1})::FLOAT AS f${i}`).join("")} FROM range(${rows})`,
  );

describe("a stage", () => {
  test("between two queries, many times at once, ends", async () => {
    const totals = Array.from({ length: 12 }, (_, i) =>
      numbers(50_000)
        .withStage(double)
        .filter("y >= 0")
        .withStage(new Times({ inputCol: "y", outputCol: "z", factor: i }))
        .agg({ total: "sum(z)" })
        .collect(),
    );
    const sum = (50_000 * 49_999) / 2;
    expect(await Promise.all(totals)).toEqual(Array.from({ length: 12 }, (_, i) => [{ total: sum * 2 * i }]));
  });

  test("four deep between queries ends", async () => {
    let df = numbers(10_000);
    for (let i = 0; i < 6; i++) {
      df = df.withStage(new Times({ inputCol: "id", outputCol: `y${i}` })).filter(`y${i} >= 0`);
    }
    expect(await df.agg({ total: "sum(y0 + y5)" }).collect()).toEqual([{ total: 4 * ((10_000 * 9999) / 2) }]);
  });

  test("whose rows are used twice in a query runs once", async () => {
    const df = numbers(1000).withStage(double);
    const both = df.filter("y < 10").union(df.filter("y > 1990"));
    expect(await both.orderBy("y").values("y")).toEqual([0, 2, 4, 6, 8, 1992, 1994, 1996, 1998]);
    expect(await df.describe("y").values("y")).toEqual(["1000", "999.0", expect.any(String), "0.0", "1998.0"]);
  });

  test("that fails behind a query fails it with its own error", async () => {
    const df = numbers(10_000)
      .withColumn("id", "CASE WHEN id = 7777 THEN NULL ELSE id END")
      .withStage(double.with({ handleInvalid: "error" }));
    const message = 'Times: row 7777 of column "id" is null';
    await expect(df.agg({ total: "sum(y)" }).collect()).rejects.toThrow(message);
    await expect(df.cache().count()).rejects.toThrow(message);
    await expect(df.collect()).rejects.toThrow(message);
    await expect(df.write.csv(join(folder, "a.csv"))).rejects.toThrow(message);
    expect(await readdir(folder)).toEqual([]);
  });

  test("is not run for rows that nobody waits for", async () => {
    const slow = session
      .sql("SELECT range AS id, [1, 2]::FLOAT[2] AS v FROM range(1000000)")
      .withStage(new VectorSum({ inputCol: "v", outputCol: "sum", spin: 20 }));
    const begun = performance.now();
    expect((await slow.filter("sum > 0").limit(1).collect()).length).toBe(1);
    for await (const batch of slow.batches()) {
      expect(batch.numRows).toBe(100);
      break;
    }
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), 100);
    await expect(slow.agg({ total: "sum(sum)" }).collect({ signal: controller.signal })).rejects.toThrow("enough");
    // all of it would take over a minute
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(sharedPool().load.tasks).toBeLessThanOrEqual(2 * sharedPool().size);
  });

  test("tells its progress", async () => {
    news.length = 0;
    await session
      .createDataFrame(Array.from({ length: 100 }, (_, id) => ({ id })))
      .withStage(double)
      .collect();
    expect(news.at(-1)).toEqual({ task: "Times", done: 100, total: 100, unit: "rows", finished: true });
  });
});

describe("the main thread", () => {
  test("is never blocked for longer than 20 ms while rows flow through queries, threads and files", async ({
    skip,
  }) => {
    const path = join(folder, "numbers.parquet");
    await numbers(400_000, 16).write.parquet(path);
    const df = session.read.parquet(path).withStage(new Times({ inputCol: "f3", outputCol: "y" }));
    // a first run opens the threads and compiles the code
    await df.limit(1000).agg({ total: "sum(y)" }).collect();
    const delay = await quietLoop(20, async () => {
      let rows = 0;
      for await (const batch of df.batches()) rows += batch.numRows;
      expect(rows).toBe(400_000);
      await df.write.parquet(join(folder, "out.parquet"), { overwrite: true });
      await df.filter("y > 0").agg({ total: "sum(y)" }).collect();
    });
    if (delay.busy !== undefined) skip(delay.busy);
    expect(delay).toMatchObject({ quiet: true });
  });
});
