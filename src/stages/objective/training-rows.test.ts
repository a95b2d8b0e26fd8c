/** @file Tests of sums over training rows: the same wherever the rows are, and each row once. */

import { describe, expect, test } from "vitest";
import { engines } from "../../../test/engines.js";
import { applyStage } from "../../../test/stages.js";
import { waves } from "../../../test/waves.js";
import { Schema } from "../../data/schema.js";
import { trace } from "../../ops/trace.js";
import { Asset } from "../../util/asset.js";
import "../index.js";
import { LogisticRegression } from "../classification/logistic-regression.js";
import { MultilayerPerceptronClassifier } from "../classification/multilayer-perceptron-classifier.js";
import { numbersFromJson, numbersToJson } from "./block-bytes.js";
import { PackBlocks } from "./pack-blocks.js";
import { SumBlocks } from "./sum-blocks.js";
import { packSummary, type Summary, unpackSummary } from "./summary.js";
import type { SumGraph } from "./sums.js";
import { readTrainingRows } from "./training-rows.js";

const rows = waves(3).map((row) => ({ ...row }));
const columns = { featuresCol: "features", labelCol: "label", weightCol: "weight", labels: "classes" } as const;

/** Sums of features times a factor, by column, and of weights. */
const sums: SumGraph = {
  graph: new Asset(
    trace(
      ({ features, label, weight, factor }) => ({
        columns: features
          .cast("float64")
          .mul(weight)
          .mul(factor)
          .reduceSum({ axes: [0] }),
        labels: label.reduceSum(),
      }),
      {
        features: { dtype: "float64", shape: ["rows", 4] },
        label: { dtype: "float64", shape: ["rows", 1] },
        weight: { dtype: "float64", shape: ["rows", 1] },
        factor: { dtype: "float64", shape: [1] },
      },
    ).toBytes(),
  ),
  name: "column sums",
  rows: 16,
  parameters: { factor: [1] },
};
const expected = [0, 1, 2, 3].map((j) =>
  rows.reduce((sum, { features, weight }) => sum + 2 * weight * features[j]!, 0),
);
const labels = rows.reduce((sum, { label }) => sum + label, 0);

describe.each(engines)("training rows on $name", ({ frame }) => {
  test("give their summary and sums, pass after pass", async () => {
    const data = await readTrainingRows((await frame(rows)).repartition(3), columns, { who: "test" });
    try {
      const { summary } = data;
      expect([summary.rows, summary.mean.length, summary.classWeights.length]).toEqual([90, 4, 3]);
      expect(summary.mean[0]).toBeCloseTo(expected[0]! / 2 / summary.weight, 12);
      for (let pass = 0; pass < 3; pass++) {
        const found = await data.sums(sums, { factor: Float64Array.of(2) });
        expected.forEach((sum, j) => {
          expect(found.columns![j]).toBeCloseTo(sum, 9);
        });
        expect([...found.labels!]).toEqual([labels]);
      }
    } finally {
      await data.close();
    }
  });

  test("give the coefficients of the embedded engine", async () => {
    const fitted = async (make: typeof frame) => {
      const df = (await make(rows)).repartition(2);
      const linear = await new LogisticRegression({ regParam: 0.05, weightCol: "weight", tol: 1e-10 }).fit(df);
      const network = await new MultilayerPerceptronClassifier({ layers: [4, 3, 3], seed: 1, maxIter: 4 }).fit(df);
      return [...linear.coefficientMatrix.data, ...network.weights];
    };
    const [here, there] = [await fitted(engines[0]!.frame), await fitted(frame)];
    here.forEach((value, i) => {
      expect(Math.abs(there[i]! - value)).toBeLessThan(1e-6 * Math.max(1, Math.abs(value)));
    });
  }, 300_000);
});

describe("blocks on their way through workers", () => {
  const schema = Schema.of({ features: "double[4]", label: "double", weight: "double" });
  const pack = new PackBlocks({ ...columns, who: "test" });
  const sum = new SumBlocks({
    ...{ graph: sums.graph, graphName: sums.name, rows: sums.rows, shapes: sums.parameters },
    values: numbersToJson({ factor: Float64Array.of(2) }),
  });

  test("count once: those at hand are summed up, the others are asked for", async () => {
    const packed = await applyStage(pack, rows, schema);
    const all = packed.reduce((total, row) => total + Number(row.rows), 0);
    expect([all, packed.length]).toEqual([90, 1]);
    const [{ block, matrices }] = packed as [{ block: string; matrices: Uint8Array }];
    const byName = Schema.of({ block: "string" });
    const [found] = await applyStage(sum, [{ block }, { block: "gone" }], byName);
    expect([Number(found!.rows), found!.missing]).toEqual([90, '["gone"]']);
    expect(numbersFromJson(JSON.parse(String(found!.sums))).columns![1]).toBeCloseTo(expected[1]!, 9);
    const [sent] = await applyStage(
      sum,
      [{ block: "gone", matrices }],
      Schema.of({ block: "string", matrices: "binary" }),
    );
    expect([Number(sent!.rows), sent!.missing, sent!.sums]).toEqual([90, "[]", found!.sums]);
    // what was sent is kept
    expect((await applyStage(sum, [{ block: "gone" }], byName))[0]!.missing).toBe("[]");
  });

  test("name the row that cannot be used", async () => {
    const broken = rows.map((row, i) => (i === 7 ? { ...row, features: [1, Number.NaN, 3, 4] } : row));
    await expect(applyStage(pack, broken, schema)).rejects.toThrow(
      'test: row 7 of column "features" holds NaN; features must be finite',
    );
  });

  test("carry summaries as numbers", () => {
    const summary: Summary = {
      ...{ rows: 3, weight: 2.5, weightSquares: 2.25, labelMean: 1, labelSquares: 0.5 },
      ...{ mean: Float64Array.of(1, 2), squares: Float64Array.of(3, 4), classWeights: Float64Array.of(1, 0, 1.5) },
    };
    expect(unpackSummary(packSummary(summary))).toEqual(summary);
  });
});
