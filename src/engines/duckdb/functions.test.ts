/** @file Models as SQL functions on DuckDB: nobody waits for ever, nobody waits on the main thread, nothing is left behind. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Times, VectorSum } from "../../../test/fixtures/stages.js";
import { quietLoop } from "../../../test/loop-delay.js";
import { sharedPool } from "../../runtime/shared-pool.js";
import { Session } from "../../session.js";
import { Bucketizer } from "../../stages/feature/bucketizer.js";

let session: Session;
let folder: string;
beforeAll(async () => {
  session = await Session.open();
  folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
  await session.registerFunction("twice", new Times({ inputCol: "x", outputCol: "y" }));
  // a task of 100 rows takes 5 ms
  const slow = new VectorSum({ inputCol: "v", outputCol: "sum", spin: 5 });
  await session.registerFunction("slow", slow, { inputs: { v: "double[2]" } });
  await session.registerFunction("bucket", new Bucketizer({ inputCol: "x", outputCol: "b", splits: [0, 10, 100] }));
});
afterAll(async () => {
  await session.close();
  await rm(folder, { recursive: true, force: true });
});

const slowly = (rows: number) => `SELECT sum(slow([range, 1.0]::DOUBLE[2])) AS s FROM range(${rows})`;
const sumTo = (rows: number) => (rows * (rows - 1)) / 2 + rows;

describe("a query that calls a model", () => {
  test("ends, also among many others, within another's rows and over stages' rows", async () => {
    const many = Array.from({ length: 10 }, (_, i) => session.sql(slowly(300 + i)).values("s"));
    expect(await Promise.all(many)).toEqual(Array.from({ length: 10 }, (_, i) => [sumTo(300 + i)]));
    let seen = 0;
    for await (const batch of session.sql("SELECT twice(range) AS y FROM range(10000)").batches({ rows: 2000 })) {
      seen += batch.numRows;
      expect(await session.sql(slowly(200)).values("s")).toEqual([sumTo(200)]);
    }
    expect(seen).toBe(10_000);
    const nested = Array.from({ length: 5 }, () => {
      const inner = session.sql("SELECT twice(range) AS x FROM range(3000)");
      const staged = inner.withStage(new Times({ inputCol: "x", outputCol: "z" }));
      return staged.selectExpr("twice(z) AS w").agg({ total: "sum(w)" }).values("total");
    });
    expect(await Promise.all(nested)).toEqual(nested.map(() => [8 * sumTo(3000) - 8 * 3000]));
  });

  test("never blocks the event loop for longer than 20 ms", async ({ skip }) => {
    await session.sql(slowly(100)).collect();
    const delay = await quietLoop(20, async () => {
      await session.sql(slowly(5000)).collect();
      await session.sql("SELECT sum(twice(range)) AS s FROM range(300000)").collect();
    });
    if (delay.busy !== undefined) skip(delay.busy);
    expect(delay).toMatchObject({ quiet: true });
  });

  test("stops at once when its signal aborts, and so do the calls", async () => {
    const controller = new AbortController();
    const collecting = session.sql(slowly(100_000)).collect({ signal: controller.signal });
    collecting.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 100));
    controller.abort(new Error("enough"));
    await expect(collecting).rejects.toThrow("enough");
    expect(await session.sql(slowly(100)).values("s")).toEqual([sumTo(100)]);
    expect(sharedPool().load.tasks).toBe(0);
  });

  test("fails with the model's error, wherever the rows go", async () => {
    const bad = session.sql("SELECT bucket(range) AS b FROM range(5000)");
    const message = /^bucket: Bucketizer: row \d+ of column "x" .* \(called with x = \d{3,4}\)$/;
    await expect(bad.collect()).rejects.toThrow(message);
    await expect(bad.write.parquet(join(folder, "bad.parquet"))).rejects.toThrow(message);
    await expect(bad.cache().count()).rejects.toThrow(message);
    await expect(bad.filter("b > 0").collect()).rejects.toMatchObject({ name: "DataError", code: "BAD_ROW" });
  });

  test("says what to do about types that no column holds", async () => {
    await expect(session.sql("SELECT twice(sum(range)) AS y FROM range(3)").collect()).rejects.toThrow(
      'twice: argument "x" of twice(x double) has type HUGEINT; cast it, as in CAST(… AS DOUBLE)',
    );
    expect(await session.sql("SELECT twice(sum(range)::DOUBLE) AS y FROM range(3)").values("y")).toEqual([6]);
  });

  test("is made of names that nobody else sees", async () => {
    await session.sql("CREATE TABLE t1 AS SELECT 1 AS x").collect();
    expect(await session.sql("SELECT twice(x) AS y FROM t1").values("y")).toEqual([2]);
    expect(await session.sql("SELECT twice(x) FROM t1").collect()).toEqual([{ "twice(x)": 2 }]);
    const other = await Session.open();
    await expect(other.sql("SELECT twice(1) AS y").collect()).rejects.toThrow("twice does not exist");
    await other.close();
  });
});
