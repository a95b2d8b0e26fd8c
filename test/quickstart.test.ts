/** @file The quickstart itself, and the accuracy of its pipeline on real photos. */

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import {
  type DataFrame,
  ImageFeaturizer,
  LogisticRegression,
  MulticlassClassificationEvaluator,
  Pipeline,
  Session,
  StringIndexer,
} from "../src/index.js";
import { sharedData } from "./shared-data.js";

test("the quickstart trains on emoji, saves, loads, predicts and reports", async () => {
  const folder = await mkdtemp(join(tmpdir(), "deepframe-quickstart-"));
  const main = resolve(import.meta.dirname, "../../dist/cli/main.js");
  const { stdout } = await promisify(execFile)(process.execPath, [main, "quickstart"], { cwd: folder });
  expect(stdout).toMatch(/accuracy {2}[67]\d\.\d % of 1\d\d test pictures/);
  expect(stdout).toContain("label \\ predicted");
  expect(stdout).toMatch(/Loaded again, for one picture: .* predicted "(animals|food|objects|smileys|travel)"/);
  const report = await readFile(join(folder, "quickstart/report.html"), "utf8");
  expect(report).toContain("<h2>Mistakes");
  await rm(folder, { recursive: true });
});

const flowers = sharedData("flowers");
test.skipIf(flowers === undefined)(
  "five folds of flower photos are told apart with at least 84 % (needs ../shared/data/flowers)",
  async () => {
    await using session = await Session.open();
    const featurizer = new ImageFeaturizer({ inputCol: "image", outputCol: "features", model: "efficientnet-lite0" });
    const photos = featurizer.transform(session.read.images(flowers!, { labelFromFolder: "label" })).cache();
    const evaluator = new MulticlassClassificationEvaluator({ labelCol: "labelIndex", metric: "accuracy" });
    const seeds = [7, 1, 2];
    let correct = 0;
    for (const seed of seeds) {
      const folds: readonly DataFrame[] = photos.randomSplit([1, 1, 1, 1, 1], { seed });
      for (const [i, test] of folds.entries()) {
        const model = await new Pipeline([
          new StringIndexer({ inputCol: "label", outputCol: "labelIndex" }),
          new LogisticRegression({ featuresCol: "features", labelCol: "labelIndex", regParam: 0.0001 }),
        ]).fit(folds.filter((_, j) => j !== i).reduce((a, b) => a.union(b)));
        correct += (await evaluator.evaluate(model.transform(test))) * (await test.count());
      }
    }
    // a photo is worth 0.6 %, and splits differ by three of them: hence three splits
    expect(correct / (seeds.length * (await photos.count()))).toBeGreaterThanOrEqual(0.84);
  },
);
