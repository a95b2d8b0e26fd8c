/** @file Tests of LogisticRegression and its model on every engine. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { engines } from "../../../test/engines.js";
import { runOnnx } from "../../../test/run-onnx.js";
import { waves } from "../../../test/waves.js";
import type { Progress } from "../../data/engine.js";
import { Schema } from "../../data/schema.js";
import { Graph } from "../../graph/graph.js";
import { load } from "../../pipeline/load.js";
import { Session } from "../../session.js";
import { Tensor } from "../../tensor/tensor.js";
import "../index.js";
import { LogisticRegression } from "./logistic-regression.js";
import type { LogisticRegressionModel } from "./logistic-regression-model.js";

const rows = waves(3).map(({ features, label, weight }, id) => ({ id, features, label, weight }));
const two = waves(2).map(({ features, label }) => ({ features, label }));

interface Predicted {
  readonly rawPrediction: Float64Array;
  readonly probability: Float64Array;
  readonly prediction: number;
}

describe.each(engines)("LogisticRegression on $name", ({ frame }) => {
  test("learns a row of coefficients per class and adds its columns", async () => {
    const df = await frame(rows);
    const model = await new LogisticRegression({ regParam: 0.05 }).fit(df);
    expect([model.numClasses, model.numFeatures, model.coefficientMatrix.shape]).toEqual([3, 4, [3, 4]]);
    const { objectiveHistory, totalIterations } = model.summary;
    expect(objectiveHistory).toHaveLength(totalIterations + 1);
    const predicted = model.transform(df);
    expect(String(await predicted.schema())).toBe(
      `root
 |-- id: double
 |-- features: array<double>
 |-- label: double
 |-- weight: double
 |-- rawPrediction: double[3]
 |-- probability: double[3]
 |-- prediction: double`,
    );
    const found = (await predicted.collect()) as unknown as Predicted[];
    expect(found).toHaveLength(90);
    for (const { rawPrediction, probability, prediction } of found) {
      const total = rawPrediction.reduce((sum, raw) => sum + Math.exp(raw), 0);
      rawPrediction.forEach((raw, k) => {
        expect(probability[k]).toBeCloseTo(Math.exp(raw) / total, 12);
      });
      expect(prediction).toBe(probability.indexOf(Math.max(...probability)));
    }
    expect(() => model.intercept).toThrow(
      "LogisticRegressionModel: a model with a margin per class has no single intercept; read interceptVector",
    );
  });

  test("learns one row for two classes, with a threshold that can be changed", async () => {
    const df = await frame(two);
    const model = await new LogisticRegression({ rawPredictionCol: "", probabilityCol: "" }).fit(df);
    expect([model.coefficientMatrix.shape, model.coefficients.length, model.interceptVector.length]).toEqual([
      [1, 4],
      4,
      1,
    ]);
    expect(model.transform(df).knownSchema?.names).toEqual(["features", "label", "prediction"]);
    const ones = async (threshold: number) => {
      const predictions = await model.with({ threshold }).transform(df).values("prediction");
      return predictions.filter((prediction) => prediction === 1).length;
    };
    expect([await ones(0), await ones(1)]).toEqual([90, 0]);
    expect(await ones(0.3)).toBeGreaterThan(await ones(0.7));
    expect(() => model.with({ thresholds: [1, 1, 1] })).toThrow(
      "LogisticRegressionModel: thresholds must hold 2 numbers, one per class, got 3",
    );
  });

  test("tells how good it is on rows with labels, as Spark's evaluate", async () => {
    const df = await frame([0, 1, 2, 3].map((x) => ({ features: [x], label: x > 1 ? 1 : 0 })));
    const model = await new LogisticRegression().fit(df);
    const report = await model.evaluate(df);
    expect([report.total, report.accuracy, report.macro.f1]).toEqual([4, 1, 1]);
  });

  test("predicts the same saved and loaded, one row at a time, and as an ONNX file", async () => {
    const df = await frame(rows);
    const model = await new LogisticRegression({ regParam: 0.05 }).fit(df);
    const folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
    try {
      await model.save(join(folder, "model"));
      const again = (await load(join(folder, "model"))) as LogisticRegressionModel;
      expect(again.summary).toEqual(model.summary);
      expect(again.coefficientMatrix.data).toEqual(model.coefficientMatrix.data);
      const expected = (await model.transform(df).take(3)) as unknown as Predicted[];
      for (const [i, { features }] of rows.slice(0, 3).entries()) {
        const { rawPrediction, probability, prediction } = expected[i]!;
        expect(await again.predictOne({ features })).toEqual({
          features: Float64Array.from(features),
          rawPrediction,
          probability,
          prediction,
        });
        const x = new Tensor("float64", Float64Array.from(features), [1, 4]);
        const onnx = await runOnnx(Graph.fromBytes(again.params.model.bytes), { features: x });
        expect(onnx.probability!.data).toEqual(probability);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("reads tensors and arrays of any numbers; floats and doubles alike", async () => {
    const whole = rows.map(({ features, label }) => ({ features: features.map((x) => Math.round(10 * x)), label }));
    const fitted = async (type: string) => {
      const df = await frame(whole, { features: type, label: "int" });
      return { df, model: await new LogisticRegression({ regParam: 0.1 }).fit(df) };
    };
    const found = await Promise.all(["int[4]", "array<float>", "double[2,2]", "array<bigint>"].map(fitted));
    const first = found[0]!.model;
    for (const { model, df } of found) {
      expect(model.coefficientMatrix.data).toEqual(first.coefficientMatrix.data);
      // a model fitted on one type predicts on another
      expect(await first.transform(df).values("prediction")).toEqual(
        await model.transform(found[0]!.df).values("prediction"),
      );
    }
  });

  test("predicts null where features are null", async () => {
    const model = await new LogisticRegression().fit(await frame(two));
    const some = await frame([{ features: two[0]!.features }, { features: null }, { features: two[1]!.features }]);
    const found = await model.transform(some).collect();
    expect(
      found.map(({ prediction, probability }) => [prediction, probability].map((value) => value === null)),
    ).toEqual([
      [false, false],
      [true, true],
      [false, false],
    ]);
    const none = await frame([{ features: null }], { features: "double[4]" });
    expect(await model.transform(none).values("prediction")).toEqual([null]);
    const short = await frame([{ features: null }, { features: [1, 2] }]);
    await expect(model.transform(short).collect()).rejects.toThrow(
      'LogisticRegressionModel: row 1 of column "features" has 2 numbers, expected 4',
    );
  });

  test("checks columns and parameters before it reads", async () => {
    const df = await frame([{ features: [1, 2], label: "cat", x: 1 }]);
    await expect(new LogisticRegression({ featuresCol: "f" }).fit(df)).rejects.toThrow(
      'LogisticRegression: no column "f" in the data (it has "features", "label", "x"); set featuresCol',
    );
    await expect(new LogisticRegression({ featuresCol: "x" }).fit(df)).rejects.toThrow(
      'LogisticRegression: column "x" must be a vector (an array or tensor of numbers), but is double',
    );
    await expect(new LogisticRegression().fit(df)).rejects.toThrow(
      'LogisticRegression: column "label" must be a number, but is string; number the classes with StringIndexer',
    );
    const three = await frame(rows);
    await expect(new LogisticRegression({ family: "binomial" }).fit(three)).rejects.toThrow(
      'LogisticRegression: family "binomial" takes labels 0 and 1, the data has labels up to 2; set family to "multinomial"',
    );
    await expect(new LogisticRegression({ thresholds: [1, 1] }).fit(three)).rejects.toThrow(
      "LogisticRegression: thresholds must hold 3 numbers, one per class, got 2",
    );
    const model = await new LogisticRegression().fit(three);
    expect(() => model.transformSchema(Schema.of({ features: "float[5]" }))).toThrow(
      'LogisticRegressionModel: column "features" has 5 numbers, but the model was fitted on 4',
    );
  });

  test("names the row that cannot be used", async () => {
    const broken = rows.map((row, i) => (i === 70 ? { ...row, features: [1, Number.NaN, 3, 4] } : row));
    await expect(new LogisticRegression().fit(await frame(broken))).rejects.toThrow(
      'LogisticRegression: row 70 of column "features" holds NaN; features must be finite',
    );
    const unlabelled = rows.map((row, i) => (i === 3 ? { ...row, label: null } : row));
    await expect(new LogisticRegression().fit(await frame(unlabelled))).rejects.toThrow(
      'LogisticRegression: row 3 of column "label" is null; labels are whole numbers from 0 up; number the classes with StringIndexer',
    );
  });
});

test("LogisticRegression reports its iterations and stops at the signal", async () => {
  const heard: Progress[] = [];
  const stop = new AbortController();
  const onProgress = (progress: Progress) => {
    heard.push(progress);
    if (progress.task === "LogisticRegression.fit" && progress.done === 2) stop.abort(new Error("enough"));
  };
  await using session = await Session.open("duckdb:", { onProgress });
  const df = session.createDataFrame(rows);
  await expect(new LogisticRegression().fit(df, { signal: stop.signal })).rejects.toThrow(
    "LogisticRegression: the fit was aborted after 2 steps; what was learned until then is the error's model",
  );
  const own = heard.filter(({ task }) => task === "LogisticRegression.fit");
  expect(own[0]).toMatchObject({ done: 0, total: 100, unit: "iterations" });
});
