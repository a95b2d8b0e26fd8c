/** @file The README's program on a real cluster of separate executor processes. */

import { describe, expect, test } from "vitest";
import {
  ImageFeaturizer,
  LogisticRegression,
  MulticlassClassificationEvaluator,
  Pipeline,
  Session,
  StringIndexer,
} from "../../src/index.js";
import { sharedData } from "../shared-data.js";
import { noSpark, sparkUrl } from "../spark.js";

const flowers = sharedData("flowers");

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
});
