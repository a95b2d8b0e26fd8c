/** @file What every engine must hold when stages run over its rows. */

import { describe, expect, test } from "vitest";
import { engines } from "../engines.js";
import { Times, VectorSum } from "../fixtures/stages.js";

describe.each(engines)("stages on $name", ({ name, frame, session }) => {
  const double = new Times({ inputCol: "x", outputCol: "y" });
  const rows = Array.from({ length: 1000 }, (_, i) => ({ id: i, x: i / 2, v: [i, 1, 2] }));

  test("add columns, keep the others and the order of rows", async () => {
    const df = (await frame(rows)).withStage(double);
    const found = await df.collect();
    expect(found.length).toBe(1000);
    expect(found[999]).toEqual({ id: 999, x: 499.5, v: Float64Array.of(999, 1, 2), y: 999 });
    expect(found.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
  });

  test("run one after the other, in tasks as small as they want, and can be followed by SQL", async () => {
    const df = (await frame(rows))
      .withStage(double)
      .withStage(new VectorSum({ inputCol: "v", outputCol: "sum" }))
      .filter("y + sum > 1990")
      .select("id", "sum");
    expect(await df.collect()).toEqual([
      { id: 994, sum: 997 },
      { id: 995, sum: 998 },
      { id: 996, sum: 999 },
      { id: 997, sum: 1000 },
      { id: 998, sum: 1001 },
      { id: 999, sum: 1002 },
    ]);
    expect(await df.agg({ total: "sum(sum)" }).collect()).toEqual([{ total: 5997 }]);
  });

  test("read a query's rows", async () => {
    const df = (await frame(rows)).filter("id % 100 = 0").withColumn("x", "id + 0.5").withStage(double);
    expect(await df.values("y")).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900].map((id) => 2 * id + 1));
  });

  test("see only the rows left after them, where they do not matter to the choice", async () => {
    const first = (await frame([...rows, { id: 1000, x: null, v: [0, 0, 0] }])).withStage(
      double.with({ handleInvalid: "error" }),
    );
    expect(await first.filter("id < 2").values("y")).toEqual([0, 1]);
    expect(await first.limit(3).values("y")).toEqual([0, 1, 2]);
    expect(await first.count()).toBe(1001);
    await expect(first.collect()).rejects.toThrow('Times: row 1000 of column "x" is null');
  });

  test("that leave out rows do so before rows are counted", async () => {
    const df = (await frame([{ x: null }, { x: 1 }, { x: null }, { x: 2 }])).withStage(
      double.with({ handleInvalid: "skip" }),
    );
    expect(await df.limit(1).collect()).toEqual([{ x: 1, y: 2 }]);
    expect(await df.count()).toBe(2);
    expect(await df.select("x").values("x")).toEqual([1, 2]);
  });

  test("give no batch for no rows, but the columns", async () => {
    const df = (await frame(rows)).filter("id < 0").withStage(double);
    expect(await df.collect()).toEqual([]);
    expect((await df.toArrow()).schema.names).toEqual(["id", "x", "v", "y"]);
  });

  test("check columns at once where they are known, else before any work", async () => {
    const df = await frame([{ years: 3, name: "Rex" }]);
    const message = 'Times: no column "x" in the data (it has "years", "name"); set inputCol';
    expect(() => df.withStage(double)).toThrow(message);
    const later = df.selectExpr("years", "upper(name) AS name").withStage(double);
    await expect(later.schema()).rejects.toThrow(message);
    await expect(later.collect()).rejects.toThrow(message);
  });

  test("stop when the signal aborts", async () => {
    const df = (await frame(rows)).withStage(new VectorSum({ inputCol: "v", outputCol: "sum", spin: 50 }));
    const controller = new AbortController();
    const collecting = (async () => {
      for await (const _ of df.batches({ signal: controller.signal })) controller.abort(new Error("enough"));
    })();
    await expect(collecting).rejects.toThrow("enough");
  });

  test("stop when nobody wants more batches", async () => {
    const df = (await frame(rows)).withStage(new VectorSum({ inputCol: "v", outputCol: "sum" }));
    for await (const batch of df.batches()) {
      // Spark sends larger ones, whatever its tasks took at a time
      expect(batch.numRows).toBe(name === "spark" ? 1000 : 100);
      break;
    }
    expect(
      (
        await (
          await session()
        )
          .createDataFrame([{ x: 1 }])
          .withStage(double)
          .collect()
      ).length,
    ).toBe(1);
  });
});
