/** @file Tests of LinearRegression against Spark ML and scikit-learn (test/reference/linear_regression.py). */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Session } from "../../session.js";
import "../index.js";
import { LinearRegression } from "./linear-regression.js";

interface Found {
  readonly coefficients: number[];
  readonly intercept: number;
  readonly scale: number;
}

interface Case {
  readonly params: ConstructorParameters<typeof LinearRegression>[0] & { readonly weighted?: boolean };
  readonly spark: Found & { readonly summary: Record<string, number>; readonly objective: number };
  readonly sklearn: Found | null;
}

const reference = resolve(import.meta.dirname, "../../../../test/reference/linear-regression.json");
const cases: Case[] = JSON.parse(readFileSync(reference, "utf8"));

const session = await Session.open();
afterAll(() => session.close());

const rows = Array.from({ length: 80 }, (_, i) => {
  const [a, b] = [Math.sin(1 + 0.7 * i), Math.cos(0.37 * i * i)];
  const [c, d] = [0.01 * Math.sin(2.1 * i), 50 + 3 * Math.cos(0.9 * i) + a];
  const noise = Math.sin(12.9898 * i) * (i % 13 === 5 ? 20 : 1);
  return { features: [a, b, c, d, 2], label: 30 + 4 * a - 2 * b + 150 * c + 0.5 * d + noise, weight: 0.5 + (i % 4) };
});

function worst(
  { coefficients, intercept, scale }: Omit<Found, "coefficients"> & { coefficients: ArrayLike<number> },
  other: Found,
) {
  const found = [...Array.from(coefficients), intercept, scale];
  const expected = [...other.coefficients, other.intercept, other.scale];
  return Math.max(...expected.map((value, i) => Math.abs(value - found[i]!) / Math.max(1, Math.abs(value))));
}

describe("LinearRegression finds what Spark ML and scikit-learn find", () => {
  test.each(cases)("$params", async ({ params, spark, sklearn }) => {
    const { weighted, ...values } = params;
    const estimator = new LinearRegression({
      ...values,
      maxIter: 2000,
      tol: 1e-14,
      ...(weighted && { weightCol: "weight" }),
    });
    const model = await estimator.fit(session.createDataFrame(rows));
    // searches that stop at 1e-14 of the objective are within the root of that
    expect(worst(model, spark)).toBeLessThan(values.solver === "l-bfgs" || values.loss === "huber" ? 1e-5 : 1e-6);
    // whose huber stops earlier
    if (sklearn !== null) expect(worst(model, sklearn)).toBeLessThan(values.loss === "huber" ? 5e-3 : 1e-6);
    const { summary } = model;
    if (!weighted) {
      for (const [name, value] of Object.entries(spark.summary)) {
        expect(summary[name as "r2"], name).toBeCloseTo(value, 4);
      }
    }
    if (values.solver === "l-bfgs") expect(summary.objectiveHistory.at(-1)).toBeCloseTo(spark.objective, 9);
  });
});
