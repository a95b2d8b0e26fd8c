/** @file The README's program and failures of workers on a real cluster of separate executor processes. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import {
  ImageFeaturizer,
  LogisticRegression,
  MulticlassClassificationEvaluator,
  Pipeline,
  Session,
  StringIndexer,
} from "../src/index.js";
import { Times, Wait } from "./fixtures/stages.js";
import { sharedData } from "./shared-data.js";
import { noSpark, sparkUrl } from "./spark.js";

const run = promisify(execFile);
const flowers = sharedData("flowers");
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The README's program; what is said of every test photo, by its path. */
async function program(url: string) {
  await using session = await Session.open(url);
  const photos = session.read.images(flowers!, { labelFromFolder: "label" });
  const [train, held] = photos.randomSplit([0.8, 0.2], { seed: 7 });
  const model = await new Pipeline([
    new StringIndexer({ inputCol: "label", outputCol: "labelIndex" }),
    new ImageFeaturizer({ inputCol: "image", outputCol: "features", model: "efficientnet-lite0" }),
    new LogisticRegression({ featuresCol: "features", labelCol: "labelIndex" }),
  ]).fit(train);
  const predicted = model.transform(held);
  const rows = await predicted.select("path", "label", "features", "probability", "prediction").collect();
  const evaluator = new MulticlassClassificationEvaluator({ labelCol: "labelIndex", metric: "accuracy" });
  return { rows: new Map(rows.map((row) => [row.path, row])), accuracy: await evaluator.evaluate(predicted) };
}

describe.skipIf(noSpark)(`on a cluster${noSpark ? ` (${noSpark})` : ""}`, () => {
  let opened: Promise<Session> | undefined;
  const open = () => {
    opened ??= sparkUrl().then((url) => Session.open(url));
    return opened;
  };
  afterAll(async () => (await opened)?.close());

  test.skipIf(flowers === undefined)(
    "the README's program says the same of every picture as on DuckDB",
    async () => {
      const here = await program("duckdb:");
      const there = await program(await sparkUrl());
      expect(there.accuracy).toBe(here.accuracy);
      expect([...there.rows.keys()].sort()).toEqual([...here.rows.keys()].sort());
      for (const [path, row] of here.rows) {
        const other = there.rows.get(path)!;
        expect([other.label, other.prediction]).toEqual([row.label, row.prediction]);
        for (const column of ["features", "probability"]) {
          const expected = row[column] as Float64Array;
          const found = other[column] as Float64Array;
          expect(found.length).toBe(expected.length);
          const worst = Math.max(...expected.map((x, i) => Math.abs(x - found[i]!)));
          expect(worst).toBeLessThan(1e-5);
        }
      }
    },
    600_000,
  );

  test("every row comes exactly once where a worker is killed in the middle", async () => {
    const session = await open();
    const df = session
      .sql("SELECT id, CAST(id AS DOUBLE) AS x FROM range(0, 200000, 1, 8)")
      .withStage(new Times({ inputCol: "x", outputCol: "y" }))
      .withStage(new Wait({ milliseconds: 300 }));
    const seen = df.collect();
    let killed = 0;
    for (let i = 0; i < 600 && killed === 0; i++) {
      await pause(100);
      const { stdout } = await run("pgrep", ["-f", "deepframe_worker_.*/executor.js"]).catch(() => ({ stdout: "" }));
      const [first] = stdout.split("\n").filter((line) => line !== "");
      if (first === undefined) continue;
      process.kill(Number(first), "SIGKILL");
      killed++;
    }
    expect(killed).toBe(1);
    const ids = (await seen).map(({ id }) => Number(id));
    expect(ids.length).toBe(200_000);
    expect(new Set(ids).size).toBe(200_000);
  }, 300_000);
});
