/** @file Tests of metric sums: known values, scikit-learn's report, and merging. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { predictions } from "../../../test/predictions.js";
import { BinaryScores } from "./binary-scores.js";
import { ClassificationReport } from "./classification-report.js";
import { ClassificationSums } from "./classification-sums.js";
import { ConfusionMatrix } from "./confusion-matrix.js";
import { ProbabilitySums } from "./probability-sums.js";
import { RegressionSums } from "./regression-sums.js";

const path = resolve(import.meta.dirname, "../../../../test/reference/metrics.json");
const { report: expected } = JSON.parse(readFileSync(path, "utf8"));

function sumsOf(rows: ReturnType<typeof predictions>): ClassificationSums {
  const sums = new ClassificationSums("test", 4);
  sums.add({
    labels: rows.map(({ label }) => label),
    predictions: rows.map(({ prediction }) => prediction),
    probabilities: rows.flatMap(({ probability }) => probability),
  });
  return sums;
}

describe("ClassificationReport", () => {
  const report = new ClassificationReport(sumsOf(predictions()), ["ant", "bee", "cat"]);

  test("has scikit-learn's rates per class and their means", () => {
    for (const { label, precision, recall, f1, support } of report.classes) {
      const { "f1-score": f1Score, ...rates } = expected.report[`${label}.0`];
      expect({ precision, recall, f1, support }).toEqual({ ...rates, f1: f1Score });
    }
    expect(report.accuracy).toBe(expected.report.accuracy);
    for (const [ours, theirs] of [
      [report.macro, expected.report["macro avg"]],
      [report.weighted, expected.report["weighted avg"]],
    ]) {
      expect(ours.precision).toBeCloseTo(theirs.precision, 12);
      expect(ours.recall).toBeCloseTo(theirs.recall, 12);
      expect(ours.f1).toBeCloseTo(theirs["f1-score"], 12);
      expect(ours.support).toBe(theirs.support);
    }
    expect(report.micro.f1).toBe(report.accuracy);
    expect(report.confusion).toEqual(expected.confusion);
  });

  test("has scikit-learn's log loss, top-k accuracy, areas and calibration", () => {
    expect(report.logLoss).toBeCloseTo(expected.logLoss, 12);
    expect([report.topK(1), report.topK(2), report.topK(4)]).toEqual([report.accuracy, expected.top2, 1]);
    for (const [i, { areaUnderRoc, averagePrecision }] of report.classes.entries()) {
      expect(areaUnderRoc).toBeCloseTo(expected.oneVsRest[i].auc, 12);
      expect(averagePrecision).toBeCloseTo(expected.oneVsRest[i].averagePrecision, 12);
    }
    report.calibration.forEach(({ count, confidence, accuracy }, i) => {
      expect(count).toBe(expected.calibration[i].count);
      expect(confidence).toBeCloseTo(expected.calibration[i].confidence, 12);
      expect(accuracy).toBeCloseTo(expected.calibration[i].accuracy, 12);
    });
    expect(report.calibration).toHaveLength(expected.calibration.length);
  });

  test("has scikit-learn's curves", () => {
    for (const [i, { fpr, tpr, precision, recall }] of expected.oneVsRest.entries()) {
      const roc = report.roc(i);
      expect(roc.map((point) => point.falsePositiveRate)).toEqual(fpr);
      expect(roc.map((point) => point.truePositiveRate)).toEqual(tpr);
      // scikit-learn's begins with the lowest threshold and ends at precision 1 by definition
      const points = report.precisionRecall(i).slice(1).reverse();
      expect(points.map((point) => point.precision)).toEqual(precision.slice(0, -1));
      expect(points.map((point) => point.recall)).toEqual(recall.slice(0, -1));
    }
  });

  test("is a table as text, and JSON", () => {
    const small = new ClassificationSums("test", 0);
    small.add({ labels: [0, 0, 0, 1, 1, 2], predictions: [0, 0, 1, 1, 1, 0] });
    const text = String(new ClassificationReport(small, ["ant", "bee", "caterpillar"]));
    expect(text).toBe(`                  precision  recall     f1  support
ant                   0.667   0.667  0.667        3
bee                   0.667   1.000  0.800        2
caterpillar           0.000   0.000  0.000        1

accuracy                             0.667        6
macro average         0.444   0.556  0.489        6
weighted average      0.556   0.667  0.600        6

label \\ predicted  ant  bee  caterpillar
ant                  2    1            0
bee                  0    2            0
caterpillar          1    0            0`);
    expect(String(report)).toContain(`log loss ${expected.logLoss.toFixed(4)}, top-2 ${expected.top2.toFixed(3)}`);
    const json = JSON.parse(JSON.stringify(report));
    expect(json.classes[0]).toMatchObject({ label: 0, name: "ant", support: expected.report["0.0"].support });
    expect(json.topK[1]).toEqual({ k: 2, accuracy: expected.top2 });
  });

  test("is the same from merged parts", () => {
    const rows = predictions();
    const merged = sumsOf(rows.slice(0, 50));
    merged.merge(sumsOf(rows.slice(50, 51)));
    merged.merge(sumsOf(rows.slice(51)));
    const json = JSON.parse(JSON.stringify(new ClassificationReport(merged, ["ant", "bee", "cat"])));
    const whole = JSON.parse(JSON.stringify(report));
    expect(json.confusion).toEqual(whole.confusion);
    expect(json.logLoss).toBeCloseTo(whole.logLoss, 12);
    expect(json.classes).toEqual(whole.classes);
  });
});

describe("ConfusionMatrix", () => {
  test("counts any numbers as classes, with weights, and leaves out what is none", () => {
    const matrix = new ConfusionMatrix();
    matrix.add([-1, 7.5, 7.5, 100, 4, 5, 6], [-1, -1, 7.5, Number.NaN, 4, 5, 6], [1, 2, 3, 4, 1, 1, 1]);
    expect(matrix.classes).toEqual([-1, 4, 5, 6, 7.5]);
    expect([matrix.count(7.5, -1), matrix.support(7.5), matrix.predicted(-1)]).toEqual([2, 5, 3]);
    expect([matrix.rows, matrix.invalid, matrix.total]).toEqual([6, 1, 9]);
    expect([matrix.precision(-1), matrix.recall(7.5), matrix.recall(42)]).toEqual([1 / 3, 3 / 5, 0]);
  });
});

describe("BinaryScores", () => {
  const scored = Array.from({ length: 30_000 }, (_, i) => {
    const label = Math.sin(7.7 * i) > 0.2 ? 1 : 0;
    return { label, score: Math.sin(3.1 * i) + 0.8 * label };
  });
  const of = (rows: typeof scored, options = {}) => {
    const scores = new BinaryScores(options);
    scores.add(
      rows.map(({ label }) => label),
      rows.map(({ score }) => score),
    );
    return scores;
  };

  test("puts neighbours together past its limit, with almost the same area", () => {
    const exact = of(scored);
    const limited = of(scored, { limit: 1000 });
    expect(exact.curve().length).toBeGreaterThan(20_000);
    expect(limited.curve().length).toBeLessThan(2000);
    expect(Math.abs(limited.areaUnderRoc() - exact.areaUnderRoc())).toBeLessThan(1e-3);
    expect([limited.rows, limited.positives]).toEqual([30_000, exact.positives]);
  });

  test("is the same from merged parts in any order", () => {
    const parts = [scored.slice(20_000), scored.slice(0, 5), scored.slice(5, 20_000)].map((rows) => of(rows));
    const merged = new BinaryScores();
    for (const part of parts) merged.merge(part);
    expect(merged.curve()).toEqual(of(scored).curve());
  });

  test("leaves rows of weight 0 out, whose thresholds would have no precision", () => {
    const scores = new BinaryScores();
    scores.add([0, 1, 0, 1], [0.9, 0.8, 0.5, 0.3], [0, 1, 1, 2]);
    const without = new BinaryScores();
    without.add([1, 0, 1], [0.8, 0.5, 0.3], [1, 1, 2]);
    expect(scores.curve()).toEqual(without.curve());
    expect(scores.areaUnderPrecisionRecall()).toBe(without.areaUnderPrecisionRecall());
    expect([scores.averagePrecision(), scores.rows]).toEqual([(1 + 2 * 0.75) / 3, 4]);
  });

  test("of equal scores are one point", () => {
    const scores = new BinaryScores();
    scores.add([1, 0, 1, 0], [0.5, 0.5, 0.5, Number.NaN]);
    expect(scores.curve()).toEqual([{ threshold: 0.5, truePositives: 2, falsePositives: 1 }]);
    expect([scores.areaUnderRoc(), scores.invalid]).toEqual([0.5, 1]);
  });
});

test("ProbabilitySums refuses a label without a probability", () => {
  const sums = new ProbabilitySums("report", 2);
  expect(() => sums.add([2], [0.5, 0.5])).toThrow("report: label 2 has no probability: the vectors hold 2 of them");
});

test("RegressionSums merge", () => {
  const rows = Array.from({ length: 50 }, (_, i) => [1e6 + Math.sin(i), 1e6 + Math.cos(i), 1 + (i % 3)] as const);
  const of = (part: typeof rows) => {
    const sums = new RegressionSums();
    sums.add(...([0, 1, 2].map((column) => part.map((row) => row[column]!)) as [number[], number[], number[]]));
    return sums;
  };
  const merged = of(rows.slice(0, 20));
  merged.merge(of(rows.slice(20)));
  const whole = of(rows);
  for (const metric of ["mse", "mae", "explainedVariance"] as const) {
    expect(merged[metric]).toBeCloseTo(whole[metric], 9);
  }
  expect(merged.r2()).toBeCloseTo(whole.r2(), 9);
});
