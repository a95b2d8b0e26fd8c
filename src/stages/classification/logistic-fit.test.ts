/** @file Tests of the fit against Spark ML and scikit-learn, and of what it refuses. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { sharedData } from "../../../test/shared-data.js";
import { type Example, examplesOf, waves } from "../../../test/waves.js";
import { batchOf, numberColumn, tensorColumn } from "../../data/columns.js";
import { closePool } from "../../runtime/shared-pool.js";
import { LocalRows } from "../objective/local-rows.js";
import { fitLogistic, type LogisticOptions } from "./logistic-fit.js";

interface Params {
  readonly regParam?: number;
  readonly elasticNetParam?: number;
  readonly fitIntercept?: boolean;
  readonly standardization?: boolean;
  readonly family?: LogisticOptions["family"];
  readonly weighted?: boolean;
}

interface Case {
  readonly problem: string;
  readonly params: Params;
  /** null where Spark's search failed; scikit-learn's is null where it cannot pose the problem. */
  readonly spark: { coefficients: number[][]; intercepts: number[]; objective: number } | null;
  readonly sklearn: { coefficients: number[][]; intercepts: number[] } | null;
}

const reference = resolve(import.meta.dirname, "../../../../test/reference/logistic-regression.json");
const cases: Case[] = JSON.parse(readFileSync(reference, "utf8"));

const problems: Record<string, () => Example[]> = {
  "waves of 2 classes": () => waves(2),
  "waves of 3 classes": () => waves(3),
  iris: () => examplesOf(readFileSync(sharedData("tabular/iris.csv")!, "utf8")),
  breast_cancer: () => examplesOf(readFileSync(sharedData("tabular/breast_cancer.csv")!, "utf8")),
};

const defaults: LogisticOptions = {
  family: "multinomial",
  regParam: 0,
  elasticNetParam: 0,
  fitIntercept: true,
  standardization: true,
  maxIter: 1000,
  tol: 1e-12,
};

/** The examples in batches of 40, as an engine would give them. */
async function* batches(examples: readonly Example[], type: "float" | "double") {
  const Numbers = type === "float" ? Float32Array : Float64Array;
  for (let from = 0; from < examples.length; from += 40) {
    const part = examples.slice(from, from + 40);
    const width = part[0]!.features.length;
    yield batchOf({
      features: tensorColumn(type, [width], Numbers.from(part.flatMap(({ features }) => features))),
      label: numberColumn(
        "double",
        Float64Array.from(part, ({ label }) => label),
      ),
      weight: numberColumn(
        "double",
        Float64Array.from(part, ({ weight }) => weight),
      ),
    });
  }
}

interface ReadHow {
  readonly weighted?: boolean | undefined;
  readonly budget?: number;
  readonly type?: "float" | "double";
}

function read(examples: readonly Example[], how: ReadHow = {}): Promise<LocalRows> {
  const { weighted = false, budget, type = "double" } = how;
  const columns = {
    featuresCol: "features",
    labelCol: "label",
    weightCol: weighted ? "weight" : undefined,
    labels: "classes",
  } as const;
  const options = { who: "LogisticRegression", ...(budget !== undefined && { budget }) };
  return LocalRows.read(batches(examples, type), columns, options);
}

function train(data: LocalRows, options: Partial<LogisticOptions> = {}) {
  return fitLogistic(data, { ...defaults, ...options }, "LogisticRegression");
}

afterAll(closePool);

describe("logistic regression finds the coefficients of Spark ML and scikit-learn", () => {
  for (const { problem, params, spark, sklearn } of cases) {
    const absent = !problem.startsWith("waves") && sharedData(`tabular/${problem}.csv`) === undefined;
    const name = `${problem} ${JSON.stringify(params)}${absent ? " (needs ../shared/data/tabular)" : ""}`;
    test.skipIf(absent)(name, async () => {
      const { weighted, ...options } = params;
      const data = await read(problems[problem]!(), { weighted });
      const family = data.summary.classWeights.length === 2 ? "binomial" : "multinomial";
      const { coefficients, intercepts, history } = await train(data, { family, ...options });
      if (spark !== null) expect(history.at(-1)).toBeCloseTo(spark.objective, 7);
      for (const expected of [spark, sklearn]) {
        if (expected === null) continue;
        // unpenalised coefficients reach 100: their search may stop 1e-3 of that away
        const difference = (found: ArrayLike<number>, values: number[]) =>
          Math.max(...values.map((value, i) => Math.abs(value - found[i]!) / Math.max(1, Math.abs(value))));
        expect(difference(coefficients.data, expected.coefficients.flat())).toBeLessThan(1e-3);
        expect(difference(intercepts.data, expected.intercepts)).toBeLessThan(1e-3);
      }
    });
  }
});

describe("the fit", () => {
  test("is the same when the rows do not fit the memory budget and go to a file", async () => {
    const data = await read(waves(3));
    const streamed = await read(waves(3), { budget: 100 });
    expect([data.resident, streamed.resident]).toEqual([true, false]);
    const [a, b] = [await train(data, { regParam: 0.1 }), await train(streamed, { regParam: 0.1 })];
    expect(b.coefficients.data).toEqual(a.coefficients.data);
    await streamed.close();
  });

  test("of float32 features works in double", async () => {
    const examples = waves(2).map((row) => ({ ...row, features: row.features.map(Math.fround) }));
    const [narrow, wide] = [await read(examples, { type: "float" }), await read(examples)];
    expect([narrow.featureType, wide.featureType]).toEqual(["float32", "float64"]);
    const [a, b] = [await train(narrow, { family: "binomial" }), await train(wide, { family: "binomial" })];
    expect(a.coefficients.data).toEqual(b.coefficients.data);
  });

  test("gives a constant column the coefficient 0", async () => {
    const examples = waves(2).map((row) => ({ ...row, features: [0.1, ...row.features] }));
    const { coefficients } = await train(await read(examples), { family: "binomial" });
    expect(coefficients.data[0]).toBe(0);
    expect(coefficients.data[1]).not.toBe(0);
  });

  test("counts a row of weight 2 as two rows", async () => {
    const examples = waves(2).map((row, i) => ({ ...row, weight: i % 3 }));
    const repeated = examples.flatMap((row) => Array.from({ length: row.weight }, () => row));
    const options = { family: "binomial", standardization: false, regParam: 0.1 } as const;
    const weighted = await train(await read(examples, { weighted: true }), options);
    const counted = await train(await read(repeated), options);
    // two searches that stop where 1e-12 of the value is left
    weighted.coefficients.data.forEach((value, i) => {
      expect(value).toBeCloseTo(counted.coefficients.data[i]!, 4);
    });
  });

  test("reports its iterations and stops at the signal", async () => {
    const data = await read(waves(3));
    const seen: number[] = [];
    const { iterations, reason } = await train(data, { maxIter: 3, onIteration: (i) => seen.push(i) });
    expect([iterations, reason, seen]).toEqual([3, "maxIter", [1, 2, 3]]);
    const stop = new AbortController();
    const stopped = train(data, { signal: stop.signal, onIteration: () => stop.abort(new Error("enough")) });
    expect(await stopped).toMatchObject({ iterations: 1, reason: "aborted" });
  });
});

describe("training data is refused", () => {
  const [first, ...rest] = waves(2) as [Example, ...Example[]];
  const at41 = (change: Partial<Example>) => rest.map((row, i) => (i === 40 ? { ...row, ...change } : row));
  const advice = "labels are whole numbers from 0 up; number the classes with StringIndexer";

  test.each([
    ["a label of 0.5", at41({ label: 0.5 }), `row 40 of column "label" is 0.5; ${advice}`],
    ["a negative label", at41({ label: -1 }), `row 40 of column "label" is -1; ${advice}`],
    ["a label without a value", at41({ label: Number.NaN }), `row 40 of column "label" is NaN; ${advice}`],
    [
      "a negative weight",
      at41({ weight: -2 }),
      'row 40 of column "weight" is -2; weights are finite numbers from 0 up',
    ],
    [
      "features that are not finite",
      at41({ features: [1, 2, Number.POSITIVE_INFINITY, 4] }),
      'row 40 of column "features" holds Infinity; features must be finite',
    ],
    ["no rows", [], "the training data has no rows; check filters and paths"],
  ])("for %s", async (_, examples, message) => {
    await expect(read(examples, { weighted: true })).rejects.toThrow(`LogisticRegression: ${message}`);
  });

  test("for one class only, or weights of 0 only", async () => {
    const same = await read([first, first, first]);
    await expect(train(same)).rejects.toThrow(
      `LogisticRegression: all 3 rows have label ${first.label}; training needs at least two classes`,
    );
    const weightless = await read([{ ...first, weight: 0 }], { weighted: true });
    await expect(train(weightless)).rejects.toThrow(
      "LogisticRegression: the weights of all 1 rows are 0; there is nothing to learn from",
    );
  });
});
