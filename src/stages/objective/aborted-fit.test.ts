/** @file Fits of linear models and perceptrons that are aborted, on every engine. */

import { describe, expect, test } from "vitest";
import { noSpark, sparkUrl } from "../../../test/spark.js";
import { waves } from "../../../test/waves.js";
import { TrainingError } from "../../errors.js";
import { Pipeline, type PipelineModel } from "../../pipeline/pipeline.js";
import type { Estimator, Transformer } from "../../pipeline/stage.js";
import { Session } from "../../session.js";
import "../index.js";
import { LogisticRegression } from "../classification/logistic-regression.js";
import { MultilayerPerceptronClassifier } from "../classification/multilayer-perceptron-classifier.js";
import { VectorAssembler } from "../feature/vector-assembler.js";
import { LinearRegression } from "../regression/linear-regression.js";

const rows = waves(3).map(({ features: [a, b, c, d], label }) => {
  return { a: a!, b: b!, c: c!, d: (d! - 50) / 3, label };
});
const assembler = new VectorAssembler({ inputCols: ["a", "b", "c", "d"], outputCol: "features" });
const perceptron = { layers: [4, 5, 3], seed: 1, tol: 0 };

const urls: Record<string, () => Promise<string>> = { duckdb: async () => "duckdb:" };
if (!noSpark) urls.spark = sparkUrl;

describe.each(Object.entries(urls))("a fit on %s that is aborted after two steps", (_, url) => {
  /** What fit fails with, and a session that does so; given to `look` while the session is open. */
  async function aborted(
    estimator: Estimator,
    look: (error: TrainingError<Transformer>, session: Session) => Promise<void>,
  ): Promise<void> {
    let stop = new AbortController();
    await using session = await Session.open(await url(), {
      onProgress: ({ task, done }) => task.endsWith(".fit") && done >= 2 && stop.abort(),
    });
    const error = await estimator.fit(session.createDataFrame(rows), { signal: stop.signal }).then(
      () => undefined,
      (error) => error,
    );
    stop = new AbortController();
    expect(error).toBeInstanceOf(TrainingError);
    expect(error).toMatchObject({ code: "ABORTED", name: "AbortError" });
    await look(error, session);
  }

  test.each([
    ["LogisticRegression", new LogisticRegression({ tol: 0 })],
    ["LinearRegression", new LinearRegression({ tol: 0, solver: "l-bfgs" })],
    ["LinearRegression by huber", new LinearRegression({ tol: 0, loss: "huber" })],
    ["a perceptron", new MultilayerPerceptronClassifier(perceptron)],
    ["a perceptron by gd", new MultilayerPerceptronClassifier({ ...perceptron, solver: "gd" })],
  ] as [string, Estimator][])("gives the model of as many steps: %s", async (_, estimator) => {
    await aborted(new Pipeline([assembler, estimator]), async ({ message, fields, model }, session) => {
      const { step } = fields as { step: number };
      expect(message).toBe(
        `${estimator.name}: the fit was aborted after ${step} steps; what was learned until then is the error's model`,
      );
      const df = session.createDataFrame(rows);
      const whole = new Pipeline([assembler, estimator.with({ maxIter: step } as object)]);
      const expected = await (await whole.fit(df)).transform(df).values("prediction");
      const predictions = await model.transform(df).values("prediction");
      // sums come in any order on a cluster
      predictions.forEach((value, i) => void expect(value).toBeCloseTo(expected[i] as number, 6));
    });
  });
});

test("LinearRegression does not know how well it fits where it was aborted", async () => {
  const stop = new AbortController();
  await using session = await Session.open("duckdb:", { onProgress: ({ done }) => done === 2 && stop.abort() });
  const regression = new LinearRegression({ tol: 0, solver: "l-bfgs", featuresCol: "features" });
  const pipeline = new Pipeline([assembler, regression]);
  const error: TrainingError<PipelineModel> = await pipeline
    .fit(session.createDataFrame(rows), { signal: stop.signal })
    .catch((error) => error);
  const { summary } = error.model.stages[1] as Awaited<ReturnType<LinearRegression["fit"]>>;
  expect(summary).toMatchObject({ totalIterations: 2, numInstances: rows.length, r2: Number.NaN });
});
