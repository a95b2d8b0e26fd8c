/** @file Tests of the evaluators against Spark ML's, and of the classification report, on every engine. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { engines } from "../../../test/engines.js";
import { binaryScores, numberPredictions, predictions } from "../../../test/predictions.js";
import type { Evaluator } from "../../pipeline/evaluator.js";
import { BinaryClassificationEvaluator } from "./binary-classification-evaluator.js";
import { classificationReport } from "./classification-report.js";
import { MulticlassClassificationEvaluator } from "./multiclass-classification-evaluator.js";
import { RegressionEvaluator } from "./regression-evaluator.js";

interface Case {
  readonly params: object;
  readonly value: number;
}

const path = resolve(import.meta.dirname, "../../../../test/reference/metrics.json");
const reference: Record<"multiclass" | "binary" | "regression", Case[]> = JSON.parse(readFileSync(path, "utf8"));

describe.each(engines)("evaluators on $name", ({ frame }) => {
  async function check(cases: readonly Case[], rows: readonly object[], of: (params: object) => Evaluator) {
    const df = await frame(rows as Record<string, unknown>[]);
    const found = await Promise.all(cases.map(({ params }) => of(params).evaluate(df)));
    cases.forEach(({ params, value }, i) => {
      // sums in another order
      expect(found[i], JSON.stringify(params)).toBeCloseTo(value, 12);
    });
  }

  test("measure classes as Spark ML does", async () => {
    await check(reference.multiclass, predictions(), (params) => new MulticlassClassificationEvaluator(params));
  });

  test("measure scores of two classes as Spark ML does", async () => {
    await check(reference.binary, binaryScores(), (params) => new BinaryClassificationEvaluator(params));
  });

  test("measure numbers as Spark ML does", async () => {
    await check(reference.regression, numberPredictions(), (params) => new RegressionEvaluator(params));
  });

  test("take the second number of a vector as score", async () => {
    const rows = binaryScores().map(({ label, exact }) => ({ label, raw: [-exact, exact], exact }));
    const df = await frame(rows);
    const vector = new BinaryClassificationEvaluator({ rawPredictionCol: "raw" });
    const number = new BinaryClassificationEvaluator({ rawPredictionCol: "exact" });
    expect(await vector.evaluate(df)).toBe(await number.evaluate(df));
    const three = await frame([
      { label: 1, raw: null },
      { label: 1, raw: [1, 2, 3] },
    ]);
    await expect(vector.evaluate(three)).rejects.toThrow(
      'BinaryClassificationEvaluator: row 1 of column "raw" has 3 numbers, expected 2',
    );
  });

  test("refuse rows without a prediction, with their count", async () => {
    const df = await frame([
      { label: 0, prediction: 1, probability: [0.5, 0.5] },
      { label: 0, prediction: Number.NaN, probability: null },
      { label: 0, prediction: null, probability: [0.5, Number.NaN] },
    ]);
    const advice = "filter them out, or see why they have no value";
    for (const evaluator of [new MulticlassClassificationEvaluator(), new RegressionEvaluator()]) {
      await expect(evaluator.evaluate(df)).rejects.toThrow(
        `${evaluator.name}: 2 of 3 rows have null or NaN in "label", "prediction"; ${advice}`,
      );
    }
    await expect(new MulticlassClassificationEvaluator({ metric: "logLoss" }).evaluate(df)).rejects.toThrow(
      `MulticlassClassificationEvaluator: 2 of 3 rows have null or NaN in "label", "probability"; ${advice}`,
    );
    await expect(new BinaryClassificationEvaluator({ rawPredictionCol: "prediction" }).evaluate(df)).rejects.toThrow(
      `BinaryClassificationEvaluator: 2 of 3 rows have null or NaN in "label", "prediction"; ${advice}`,
    );
    await expect(classificationReport(df)).rejects.toThrow(
      "classificationReport: 2 rows have null or NaN as label, prediction, probability or weight; filter them out",
    );
  });

  test("refuse no rows, one class only, a class that is not there, and columns that do not fit", async () => {
    const df = await frame([{ label: 1, prediction: 1, name: "ant" }]);
    const none = df.filter("label > 1");
    const multiclass = new MulticlassClassificationEvaluator();
    await expect(multiclass.evaluate(none)).rejects.toThrow(
      "MulticlassClassificationEvaluator: there are no rows to evaluate; check filters and splits",
    );
    await expect(classificationReport(none)).rejects.toThrow(
      "classificationReport: there are no rows to report on; check filters and splits",
    );
    await expect(new BinaryClassificationEvaluator({ rawPredictionCol: "prediction" }).evaluate(df)).rejects.toThrow(
      'BinaryClassificationEvaluator: all rows are positive by column "label"; areaUnderROC needs both classes',
    );
    await expect(multiclass.with({ metric: "recallByLabel", metricLabel: 3 }).evaluate(df)).rejects.toThrow(
      'MulticlassClassificationEvaluator: no row has label 3 (there are "1"); set metricLabel',
    );
    await expect(multiclass.with({ labelCol: "name" }).evaluate(df)).rejects.toThrow(
      'MulticlassClassificationEvaluator: column "name" must be a number, but is string',
    );
  });

  test("refuse weights that are all 0", async () => {
    const both = [0, 1].map((label) => ({ label, prediction: 1, rawPrediction: label, probability: [0.5, 0.5], w: 0 }));
    const df = await frame(both);
    const weightCol = "w";
    for (const evaluator of [
      new MulticlassClassificationEvaluator({ weightCol }),
      new MulticlassClassificationEvaluator({ weightCol, metric: "logLoss" }),
      new BinaryClassificationEvaluator({ weightCol }),
      new RegressionEvaluator({ weightCol }),
    ]) {
      await expect(evaluator.evaluate(df)).rejects.toThrow(
        `${evaluator.name}: the weights of all 2 rows are 0; there is nothing to measure`,
      );
    }
    await expect(classificationReport(df, { weightCol })).rejects.toThrow(
      "classificationReport: the weights of all 2 rows are 0; there is nothing to report on",
    );
  });

  test("report on predictions, with and without probabilities", async () => {
    const rows = predictions();
    const df = await frame(rows);
    const report = await classificationReport(df, { labels: ["ant", "bee", "cat", "dog"] });
    expect(report.accuracy).toBe(await new MulticlassClassificationEvaluator({ metric: "accuracy" }).evaluate(df));
    expect(report.logLoss).toBeCloseTo(
      await new MulticlassClassificationEvaluator({ metric: "logLoss" }).evaluate(df),
      12,
    );
    expect(report.classes.map(({ name }) => name)).toEqual(["ant", "bee", "cat", "dog"]);
    const plain = await classificationReport(df.select("label", "prediction"));
    expect([plain.accuracy, plain.logLoss, plain.topK(2), plain.roc(0)]).toEqual([
      report.accuracy,
      undefined,
      undefined,
      [],
    ]);
  });
});

describe("evaluators", () => {
  test("take Spark ML's metricName for metric", () => {
    const evaluator = new MulticlassClassificationEvaluator({ metricName: "logLoss" });
    expect([evaluator.params.metric, evaluator.isLargerBetter]).toEqual(["logLoss", false]);
    expect(new RegressionEvaluator({ metricName: "r2" }).isLargerBetter).toBe(true);
    expect(() => new RegressionEvaluator({ metric: "mae", metricName: "mse" })).toThrow(
      'RegressionEvaluator: metric and metricName are one parameter, got "mae" and "mse"; set metric',
    );
  });

  test("refuse negative weights", async () => {
    const { rowsToBatch, inferSchema } = await import("../../data/rows.js");
    const rows = [{ label: 1, prediction: 1, rawPrediction: 0.5, probability: [0.5, 0.5], w: -1 }];
    const batch = rowsToBatch(rows, inferSchema(rows));
    const weightCol = "w";
    const evaluators: Evaluator[] = [
      new MulticlassClassificationEvaluator({ weightCol }),
      new MulticlassClassificationEvaluator({ weightCol, metric: "logLoss" }),
      new BinaryClassificationEvaluator({ weightCol }),
      new RegressionEvaluator({ weightCol }),
    ];
    for (const evaluator of evaluators) {
      expect(() => evaluator.sums().add(batch)).toThrow(
        `${evaluator.name}: column "w" holds the weight -1; weights are numbers of at least 0`,
      );
    }
  });

  test("merge the sums of parts", async () => {
    const { rowsToBatch, inferSchema } = await import("../../data/rows.js");
    const batch = (rows: Record<string, unknown>[]) => rowsToBatch(rows, inferSchema(rows));
    for (const evaluator of [
      new MulticlassClassificationEvaluator(),
      new MulticlassClassificationEvaluator({ metric: "logLoss", weightCol: "weight" }),
    ]) {
      const rows = predictions();
      const [whole, first, second] = [evaluator.sums(), evaluator.sums(), evaluator.sums()];
      whole.add(batch(rows));
      first.add(batch(rows.slice(0, 50)));
      second.add(batch(rows.slice(50)));
      first.merge(second);
      expect(first.value()).toBeCloseTo(whole.value(), 12);
      expect(first.rows).toBe(120);
    }
  });
});
