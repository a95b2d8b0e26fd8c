/** @file Tests of LinearRegression and its model on every engine. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { engines } from "../../../test/engines.js";
import { load } from "../../pipeline/load.js";
import "../index.js";
import { LinearRegression } from "./linear-regression.js";
import type { LinearRegressionModel } from "./linear-regression-model.js";

const rows = Array.from({ length: 60 }, (_, i) => {
  const features = [Math.sin(i), Math.cos(2 * i), i / 60];
  return { features, label: 3 + 2 * features[0]! - features[1]! + 0.5 * features[2]! + Math.sin(17 * i) / 10 };
});
const values = ({ coefficients, intercept }: LinearRegressionModel) => [...coefficients, intercept];

describe.each(engines)("LinearRegression on $name", ({ frame }) => {
  test("finds the same coefficients by one pass and by many", async () => {
    const df = (await frame(rows)).repartition(2);
    const exact = await new LinearRegression().fit(df);
    const searched = await new LinearRegression({ solver: "l-bfgs", tol: 1e-10 }).fit(df);
    const embedded = await new LinearRegression().fit(await engines[0]!.frame(rows));
    values(exact).forEach((value, i) => {
      expect(values(searched)[i]).toBeCloseTo(value, 5);
      expect(values(embedded)[i]).toBeCloseTo(value, 9);
    });
    expect([exact.summary.totalIterations, exact.summary.numInstances]).toEqual([0, 60]);
    const predictions = (await exact.transform(df).collect()) as unknown as { prediction: number; label: number }[];
    const squares = predictions.reduce((sum, { prediction, label }) => sum + (prediction - label) ** 2, 0);
    expect(squares / 60).toBeCloseTo(exact.summary.meanSquaredError, 12);
  }, 300_000);
});

describe("LinearRegression", () => {
  const { frame } = engines[0]!;

  test("is swayed less by outliers with huber's loss", async () => {
    const broken = rows.map((row, i) => (i % 15 === 0 ? { ...row, label: row.label + 40 } : row));
    const [plain, huber] = await Promise.all(
      (["squaredError", "huber"] as const).map(async (loss) => new LinearRegression({ loss }).fit(await frame(broken))),
    );
    expect(Math.abs(huber!.coefficients[0]! - 2)).toBeLessThan(0.1);
    expect(Math.abs(huber!.intercept - 3)).toBeLessThan(0.2);
    expect(Math.abs(plain!.intercept - 3)).toBeGreaterThan(1);
    expect(huber!.scale).toBeLessThan(1);
  });

  test("takes columns that say the same, and labels that are all equal", async () => {
    const twice = rows.map(({ features, label }) => ({ features: [...features, features[0]! * 2], label }));
    const { summary } = await new LinearRegression({ tol: 1e-12 }).fit(await frame(twice));
    expect(summary.r2).toBeCloseTo((await new LinearRegression().fit(await frame(rows))).summary.r2, 6);
    const flat = await new LinearRegression().fit(await frame(rows.map((row) => ({ ...row, label: 7 }))));
    expect(values(flat)).toEqual([0, 0, 0, 7]);
  });

  test("predicts the same saved and loaded, one row at a time, and of floats", async () => {
    const model = await new LinearRegression({ regParam: 0.1 }).fit(await frame(rows));
    const folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
    try {
      await model.save(join(folder, "model"));
      const again = (await load(join(folder, "model"))) as LinearRegressionModel;
      expect(again.summary).toEqual(model.summary);
      const { features } = rows[5]!;
      const expected = features.reduce((sum, x, j) => sum + x * model.coefficients[j]!, model.intercept);
      expect((await again.predictOne({ features })).prediction).toBeCloseTo(expected, 12);
      const floats = await frame([{ features }], { features: "float[3]" });
      expect((await again.transform(floats).values("prediction"))[0]).toBeCloseTo(expected, 6);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("says what does not fit", async () => {
    const who = "LinearRegression";
    const broken = (change: object) => frame(rows.map((row, i) => (i === 41 ? { ...row, ...change } : row)));
    const train = async (change: object) => new LinearRegression().fit(await broken(change));
    await expect(train({ label: Number.NaN })).rejects.toThrow(
      `${who}: row 41 of column "label" is NaN; labels are finite numbers; leave such rows out`,
    );
    await expect(train({ features: [1, Number.NaN, 2] })).rejects.toThrow(
      `${who}: row 41 of column "features" holds NaN; features must be finite`,
    );
    await expect(new LinearRegression().fit((await frame(rows)).filter("label > 1000"))).rejects.toThrow(
      `${who}: the training data has no rows; check filters and paths`,
    );
    expect(() => new LinearRegression({ loss: "huber", elasticNetParam: 0.5 })).toThrow(
      `${who}: loss "huber" takes no L1 penalty, got elasticNetParam 0.5; set it to 0`,
    );
    expect(() => new LinearRegression({ loss: "huber", solver: "normal" })).toThrow(
      `${who}: loss "huber" has no normal equations; set solver to "auto" or "l-bfgs"`,
    );
    const weightless = await frame(rows.map((row) => ({ ...row, weight: 0 })));
    await expect(new LinearRegression({ weightCol: "weight" }).fit(weightless)).rejects.toThrow(
      `${who}: the weights of all 60 rows are 0; there is nothing to learn from`,
    );
  });
});
