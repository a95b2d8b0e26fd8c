/** @file Tests of MultilayerPerceptronClassifier and its model on every engine. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { engines } from "../../../test/engines.js";
import { runOnnx } from "../../../test/run-onnx.js";
import { waves } from "../../../test/waves.js";
import { TrainingError } from "../../errors.js";
import { Graph } from "../../graph/graph.js";
import { load } from "../../pipeline/load.js";
import { Tensor } from "../../tensor/tensor.js";
import "../index.js";
import { MultilayerPerceptronClassificationModel } from "./multilayer-perceptron-classification-model.js";
import { MultilayerPerceptronClassifier } from "./multilayer-perceptron-classifier.js";

const xor = [0, 1, 2, 3].map((i) => ({ features: [i >> 1, i & 1], label: (i >> 1) ^ (i & 1) }));
const rows = waves(3).map(({ features: [a, b, c, d], label, weight }, i) => {
  return { features: [a!, b!, c!, (d! - 50) / 3], label, weight, isValidation: i % 3 === 0 };
});

describe.each(engines)("MultilayerPerceptronClassifier on $name", ({ frame }) => {
  test("splits the probability between two rows that contradict each other", async () => {
    const df = await frame([0, 1].map((label) => ({ features: [1, 2], label })));
    const model = await new MultilayerPerceptronClassifier({ layers: [2, 2], seed: 1 }).fit(df);
    for (const probability of await model.transform(df).values("probability")) {
      expect((probability as Float64Array)[0]).toBeCloseTo(0.5, 3);
    }
  });

  test("tells how good it is on rows with labels, as Spark's evaluate", async () => {
    const df = await frame(xor);
    const untrained = await new MultilayerPerceptronClassifier({ layers: [2, 5, 2], seed: 123, maxIter: 0 }).fit(df);
    const model = untrained.with({ predictionCol: "guess" });
    const report = await model.evaluate(df.withColumnRenamed("label", "truth"), { labelCol: "truth" });
    const right = await model.transform(df).filter("guess = label").count();
    expect(report.total).toBe(4);
    expect(report.accuracy).toBe(right / 4);
    expect(report.classes.map(({ support }) => support)).toEqual([2, 2]);
    await expect(model.evaluate(df.filter("label > 5"))).rejects.toThrow(/^classificationReport: .*no rows/);
  });

  test("stops by the validation rows and keeps the weights that were best on them", async () => {
    const df = await frame(rows);
    const settings = { layers: [4, 12, 3], seed: 3, tol: 0, maxIter: 200, validationIndicatorCol: "isValidation" };
    const model = await new MultilayerPerceptronClassifier({ ...settings, patience: 4 }).fit(df);
    const { validationHistory, stopReason, totalIterations } = model.summary;
    expect([stopReason, validationHistory.length]).toEqual(["stopped", totalIterations]);
    expect(totalIterations).toBeLessThan(60);
    const held = df.filter("isValidation");
    const again = new MultilayerPerceptronClassifier({
      layers: [4, 12, 3],
      initialWeights: [...model.weights],
      maxIter: 0,
    });
    expect((await again.fit(held)).summary.objectiveHistory[0]).toBeCloseTo(Math.min(...validationHistory), 12);
  });
});

describe("MultilayerPerceptronClassifier", () => {
  const { frame } = engines[0]!;

  test("learns XOR with MLlib's own settings", async () => {
    const df = await frame(xor, { features: "double[2]", label: "int" });
    const settings = { layers: [2, 5, 2], blockSize: 1, seed: 123, maxIter: 100, solver: "l-bfgs" } as const;
    const model = await new MultilayerPerceptronClassifier(settings).fit(df);
    const predicted = await model.transform(df).collect();
    expect(predicted.map(({ prediction, label }) => [label, prediction])).toEqual(
      xor.map(({ label }) => [label, label]),
    );
    expect([model.numFeatures, model.numClasses, model.weights.length]).toEqual([2, 2, 27]);
    expect(model.summary.objectiveHistory.at(-1)).toBeLessThan(1e-6);
    expect(model.summary.totalIterations).toBe(model.summary.objectiveHistory.length - 1);
  });

  test("counts a row of weight 2 as two rows", async () => {
    const repeated = rows.flatMap((row, i) => Array.from({ length: i % 3 }, () => row));
    const weighted = rows.map((row, i) => ({ ...row, weight: i % 3 }));
    const settings = { layers: [4, 3, 3], maxIter: 5, seed: 9 };
    const a = await new MultilayerPerceptronClassifier({ ...settings, weightCol: "weight" }).fit(await frame(weighted));
    const b = await new MultilayerPerceptronClassifier(settings).fit(await frame(repeated));
    expect(a.summary.objectiveHistory.at(-1)).toBeCloseTo(b.summary.objectiveHistory.at(-1)!, 9);
  });

  test("L2 makes weights small, L1 makes them 0, and both solvers agree on the minimum", async () => {
    const df = await frame(rows);
    const fitted = async (values: object) =>
      new MultilayerPerceptronClassifier({ layers: [4, 3], seed: 2, maxIter: 3000, tol: 1e-10, ...values }).fit(df);
    const [free, ridge, lasso] = await Promise.all(
      [{}, { regParam: 0.5 }, { regParam: 0.1, elasticNetParam: 1 }].map(fitted),
    );
    const length = (w: Float64Array) => Math.hypot(...w.subarray(0, 12));
    expect(length(ridge!.weights)).toBeLessThan(length(free!.weights) / 4);
    expect(lasso!.weights.subarray(0, 12).filter((w) => w === 0).length).toBeGreaterThan(3);
    expect(lasso!.weights.subarray(12).filter((w) => w === 0).length).toBe(0);
    const byGradient = await fitted({ regParam: 0.1, elasticNetParam: 1, solver: "gd", stepSize: 0.3 });
    const ends = [byGradient, lasso!].map(({ summary }) => summary.objectiveHistory.at(-1)!);
    expect(ends[0]).toBeCloseTo(ends[1]!, 7);
  });

  test.each(["tanh", "relu", "elu", "softplus"] as const)("learns XOR with %s", async (activation) => {
    const model = await new MultilayerPerceptronClassifier({ layers: [2, 8, 2], activation, seed: 5 }).fit(
      await frame(xor),
    );
    expect(await model.transform(await frame(xor)).values("prediction")).toEqual([0, 1, 1, 0]);
  });

  test("ends as low in float32 with its last steps in float64 as in float64 throughout", async () => {
    const df = await frame(rows);
    const end = async (precision: "float32" | "float64") => {
      const settings = { layers: [4, 3], seed: 2, maxIter: 500, tol: 1e-9, precision };
      return (await new MultilayerPerceptronClassifier(settings).fit(df)).summary.objectiveHistory.at(-1)!;
    };
    // 24 bits of each product, and many of them
    expect(Math.abs((await end("float32")) - (await end("float64")))).toBeLessThan(1e-6);
  });

  test("predicts the same saved and loaded, one row at a time, and as an ONNX file", async () => {
    const df = await frame(rows);
    const model = await new MultilayerPerceptronClassifier({ layers: [4, 5, 3], maxIter: 20 }).fit(df);
    const folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
    try {
      await model.save(join(folder, "model"));
      const again = (await load(join(folder, "model"))) as MultilayerPerceptronClassificationModel;
      expect(again.summary).toEqual(model.summary);
      expect(again.weights).toEqual(model.weights);
      const [first] = await model.transform(df).take(1);
      const { features } = rows[0]!;
      const { rawPrediction, probability, prediction } = first!;
      expect(await again.predictOne({ features })).toMatchObject({ rawPrediction, probability, prediction });
      const x = new Tensor("float64", Float64Array.from(features), [1, 4]);
      const onnx = await runOnnx(Graph.fromBytes(again.params.model.bytes), { features: x });
      expect(onnx.probability!.data).toEqual(probability);
      const only = again.with({ thresholds: [0, 1, 1] });
      expect(new Set(await only.transform(df).values("prediction"))).toEqual(new Set([0]));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("says what does not fit", async () => {
    const df = await frame(rows);
    const train = (values: object, data = df) =>
      new MultilayerPerceptronClassifier({ layers: [4, 5, 3], ...values }).fit(data);
    const who = "MultilayerPerceptronClassifier";
    await expect(train({ layers: [5, 3] })).rejects.toThrow(
      `${who}: layers begin with 5, but column "features" has 4 numbers; begin them with 4`,
    );
    await expect(train({ layers: [4, 2] })).rejects.toThrow(
      /row \d+ of column "label" is 2; labels are whole numbers from 0 to 1; layers end with 2; end them with the number of classes$/,
    );
    expect(() => new MultilayerPerceptronClassifier({ layers: [4] })).toThrow(
      `${who}: layers must be a list of at least 2 whole numbers from 1 up, got [4]`,
    );
    expect(() => new MultilayerPerceptronClassifier({ layers: [4, 3], initialWeights: [1, 2] })).toThrow(
      `${who}: initialWeights must hold 15 numbers, as layers 4-3 have, got 2`,
    );
    expect(() => new MultilayerPerceptronClassifier({ layers: [4, 3], thresholds: [1, 2] })).toThrow(
      `${who}: thresholds must hold 3 numbers, one per class, got 2`,
    );
    expect(() => MultilayerPerceptronClassificationModel.of({ layers: [4, 3] }, [1])).toThrow(
      "MultilayerPerceptronClassificationModel: weights must hold 15 numbers, as layers 4-3 have, got 1",
    );
    await expect(train({ validationIndicatorCol: "weight" })).rejects.toThrow(
      `${who}: column "weight" must be boolean; write selectExpr("*", "a > b AS isValidation")`,
    );
    await expect(train({}, df.filter("label = 1"))).rejects.toThrow(
      /rows have label 1; training needs at least two classes$/,
    );
    await expect(train({}, df.filter("label > 5"))).rejects.toThrow(
      `${who}: the training data has no rows; check filters and paths`,
    );
    const none = df.selectExpr("features", "label", "label > 5 AS held");
    await expect(train({ validationIndicatorCol: "held" }, none)).rejects.toThrow(
      `${who}: the validation data has no rows; check filters and paths`,
    );
    const untold = df.selectExpr("features", "label", "CASE WHEN label > 0 THEN label > 1 END AS held");
    await expect(train({ validationIndicatorCol: "held" }, untold)).rejects.toThrow(
      /^MultilayerPerceptronClassifier: column "held" is null in \d+ of the rows, which so neither train nor validate; fill or drop them first$/,
    );
    const broken = await frame(rows.map((row, i) => (i === 70 ? { ...row, features: [1, Number.NaN, 3, 4] } : row)));
    await expect(train({}, broken)).rejects.toThrow(
      `${who}: row 70 of column "features" holds NaN; features must be finite`,
    );
  });

  test("a loss that gd drives out of the numbers fails with the model before", async () => {
    const settings = { layers: [4, 5, 3], solver: "gd", stepSize: 1e300, activation: "relu" } as const;
    const df = await frame(rows);
    const error = await new MultilayerPerceptronClassifier(settings).fit(df).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(TrainingError);
    const { message, code, fields, model } = error as TrainingError<MultilayerPerceptronClassificationModel>;
    const { step } = fields as { step: number };
    expect([message, code]).toEqual([
      `MultilayerPerceptronClassifier: the loss is no longer a finite number after step ${step} of gd; take a smaller stepSize than 1e+300; what was learned before that step is the error's model`,
      "NOT_FINITE",
    ]);
    expect(model.summary).toMatchObject({ stopReason: "notFinite", totalIterations: step - 1 });
    expect(model.summary.objectiveHistory.every(Number.isFinite)).toBe(true);
    expect(model.weights.every(Number.isFinite)).toBe(true);
  });

  test("warns where it stops at maxIter", async () => {
    const heard: string[] = [];
    const listen = ({ message }: Error) => heard.push(message);
    process.on("warning", listen);
    try {
      await new MultilayerPerceptronClassifier({ layers: [4, 3], maxIter: 2 }).fit(await frame(rows));
      await new Promise((resolve) => setImmediate(resolve));
      expect(heard).toContain(
        "MultilayerPerceptronClassifier: stopped after maxIter = 2 steps before the loss settled (tol 0.000001); raise maxIter, or see model.summary.objectiveHistory",
      );
    } finally {
      process.off("warning", listen);
    }
  });
});
