/** @file Tests of MultilayerPerceptronClassifier against what Spark MLlib finds (test/reference/multilayer_perceptron.py). */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Session } from "../../session.js";
import "../index.js";
import { waves } from "../../../test/waves.js";
import { MultilayerPerceptronClassificationModel } from "./multilayer-perceptron-classification-model.js";
import { MultilayerPerceptronClassifier } from "./multilayer-perceptron-classifier.js";
import { randomWeights } from "./perceptron-fit.js";

interface Case {
  readonly problem: "xor" | "waves";
  readonly params: ConstructorParameters<typeof MultilayerPerceptronClassifier>[0];
  readonly weights: number[];
  readonly objectiveHistory: number[];
  readonly rawPrediction: number[][];
  readonly probability: number[][];
  readonly prediction: number[];
}

const reference = resolve(import.meta.dirname, "../../../../test/reference/multilayer-perceptron.json");
const cases: Case[] = JSON.parse(readFileSync(reference, "utf8"));
/** How long the objective is the same; later the line searches try other points, and rounding grows. */
const sameSteps = [10, 60, 1, 16, 21];
const session = await Session.open();
afterAll(() => session.close());

const frames = {
  xor: session.createDataFrame(
    [0, 1, 2, 3].map((i) => ({ features: [i >> 1, i & 1], label: (i >> 1) ^ (i & 1) })),
    { features: "double[2]", label: "int" },
  ),
  waves: session.createDataFrame(
    waves(3).map(({ features: [a, b, c, d], label }) => ({ features: [a, b, c, d! - 50], label })),
    { features: "double[4]", label: "int" },
  ),
};

function worst(found: ArrayLike<number>, expected: readonly number[]): number {
  expect(found.length).toBe(expected.length);
  return Math.max(...expected.map((value, i) => Math.abs(value - found[i]!) / Math.max(1, Math.abs(value))));
}

describe.each(cases)("as Spark MLlib: $problem $params.layers $params.solver", (spark) => {
  const df = frames[spark.problem];

  test("its weights give its probabilities, raw predictions and classes, and its objective", async () => {
    const { layers } = spark.params;
    const model = MultilayerPerceptronClassificationModel.of({ layers }, spark.weights);
    expect([...model.weights]).toEqual(spark.weights);
    const rows = await model.transform(df).collect();
    const flat = (column: string) => rows.flatMap((row) => [...(row[column] as Float64Array)]);
    expect(worst(flat("rawPrediction"), spark.rawPrediction.flat())).toBeLessThan(1e-12);
    expect(worst(flat("probability"), spark.probability.flat())).toBeLessThan(1e-12);
    expect(rows.map(({ prediction }) => prediction)).toEqual(spark.prediction);
    const here = new MultilayerPerceptronClassifier({ layers, initialWeights: spark.weights, maxIter: 0 });
    const { objectiveHistory } = (await here.fit(df)).summary;
    expect(objectiveHistory[0]).toBeCloseTo(spark.objectiveHistory.at(-1)!, 12);
  });

  test("the search begins where its does, goes the same way, and ends as low", async () => {
    const model = await new MultilayerPerceptronClassifier(spark.params).fit(df);
    const { objectiveHistory } = model.summary;
    const same = sameSteps[cases.indexOf(spark)]!;
    expect(worst(objectiveHistory.slice(0, same), spark.objectiveHistory.slice(0, same))).toBeLessThan(1e-9);
    expect(objectiveHistory.at(-1)!).toBeLessThan(spark.objectiveHistory.at(-1)! + 1e-8);
    // a convex problem has one end
    if (spark.params.layers.length === 2) expect(worst(model.weights, spark.weights)).toBeLessThan(1e-5);
  });
});

test("a seed gives the random weights of Spark's XORShiftRandom", () => {
  // of a fit by gd whose steps are too short to matter
  const expected = [-1.160946702, 0.505000787, 1.537306768, -0.642045901, -1.07808931];
  expect(worst(randomWeights([2, 5, 2], 123).slice(0, 5), expected)).toBeLessThan(1e-8);
});
