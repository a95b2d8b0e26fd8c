import { afterAll, describe, expect, test } from "vitest";
import { quietLoop } from "../../../test/loop-delay.js";
import { TrainingError } from "../../errors.js";
import * as nn from "../../nn/index.js";
import { adam } from "../../optim/adam.js";
import { Pipeline, type PipelineModel } from "../../pipeline/pipeline.js";
import { Session } from "../../session.js";
import type { Callback } from "../../train/callback.js";
import type { NeuralClassificationModel } from "../classification/neural-classification-model.js";
import { NeuralClassifier } from "../classification/neural-classifier.js";
import { VectorAssembler } from "../feature/vector-assembler.js";
import { NeuralRegressor } from "../regression/neural-regressor.js";

const session = await Session.open();
afterAll(() => session.close());

const rows = Array.from({ length: 200 }, (_, i) => {
  const [a, b] = [((i * 37) % 101) / 50 - 1, ((i * 59) % 97) / 48 - 1];
  return { a, b, label: Number(a * b > 0) };
});
const data = session.createDataFrame(rows, { a: "float", b: "float", label: "int" });
const assembler = new VectorAssembler({ inputCols: ["a", "b"], outputCol: "features" });

/** A fit that is aborted after three epochs. */
async function aborted<M>(
  start: (callbacks: Callback[], signal: AbortSignal) => Promise<M>,
): Promise<TrainingError<M>> {
  const controller = new AbortController();
  const abort: Callback = { name: "abort", onEpochEnd: (epoch) => void (epoch === 2 && controller.abort()) };
  const running = start([abort], controller.signal);
  const error = await running.then(
    () => undefined,
    (error) => error,
  );
  expect(error).toBeInstanceOf(TrainingError);
  return error;
}

describe("a fit that ends before its time", () => {
  const settings = { optimizer: adam({ lr: 0.02 }), epochs: 50, batchSize: 20, seed: 1 };
  const network = nn.sequential([nn.dense(16, { activation: "tanh" }), nn.dense(2)]);

  test("gives the model as it is when it is aborted: that of as many epochs", async () => {
    const features = assembler.transform(data);
    const { model, message } = await aborted<NeuralClassificationModel>((callbacks, signal) =>
      new NeuralClassifier({ network, ...settings, callbacks }).fit(features, { signal }),
    );
    expect(message).toBe(
      "NeuralClassifier: the fit was aborted at step 30 (epoch 4 of 50); what was learned until then is the error's model",
    );
    const three = await new NeuralClassifier({ network, ...settings, epochs: 3 }).fit(features);
    expect(model.history).toEqual(three.history);
    expect(await model.transform(features).values("probability")).toEqual(
      await three.transform(features).values("probability"),
    );
  });

  test("gives it in a Pipeline too, with the stages around it", async () => {
    const after = new VectorAssembler({ inputCols: ["a", "prediction"], outputCol: "both" });
    const { model } = await aborted<PipelineModel>((callbacks, signal) => {
      const regressor = new NeuralRegressor({ network: nn.dense(1), ...settings, callbacks });
      return new Pipeline([assembler, regressor, after]).fit(data, { signal });
    });
    expect(model.stages.map(({ name }) => name)).toEqual([
      "VectorAssembler",
      "NeuralRegressionModel",
      "VectorAssembler",
    ]);
    const { both } = await model.predictOne({ a: 1, b: 2 });
    expect(both).toHaveLength(2);
  });

  test("gives the weights of the last finite loss when one is no longer finite", async () => {
    const steep = new NeuralClassifier({ network, ...settings, optimizer: adam({ lr: 1e38 }) });
    const error = await steep.fit(assembler.transform(data)).catch((error) => error);
    expect(error).toMatchObject({ code: "NOT_FINITE" });
    const { probability } = await (error as TrainingError<NeuralClassificationModel>).model.predictOne({
      features: [0, 1],
    });
    for (const value of probability as number[]) expect(Number.isFinite(value)).toBe(true);
  });
});

describe("rows of a fit", () => {
  const network = nn.sequential([nn.dense(16, { activation: "tanh" }), nn.dense(2)]);
  const settings = { network, optimizer: adam({ lr: 0.02 }), epochs: 40, batchSize: 20, seed: 1 };
  const marked = assembler.transform(data.selectExpr("*", "b > 0.5 AS held"));

  test("that a boolean column holds back validate as those of another DataFrame do", async () => {
    const short = { ...settings, epochs: 3 };
    const byColumn = await new NeuralClassifier({ ...short, validation: "held" }).fit(marked);
    const held = marked.filter("held");
    const byFrame = await new NeuralClassifier({ ...short, validation: held }).fit(marked.filter("NOT held"));
    expect(byColumn.history).toEqual(byFrame.history);
    expect(byColumn.history[0]!.val_loss).toBeGreaterThan(0);
  });

  test("of weight 0 teach nothing, nor do classes of weight 0", async () => {
    const spoiled = marked.selectExpr(
      "features",
      "label",
      "CASE WHEN held THEN 1 - label ELSE label END AS wrong",
      "CASE WHEN held THEN 0 ELSE 1 END AS weight",
    );
    const lessons = spoiled.union(spoiled.selectExpr("features", "label", "label AS wrong", "1 AS weight"));
    const right = async (model: NeuralClassificationModel) => {
      const found = await model.transform(marked).collect();
      return found.filter(({ label, prediction }) => label === prediction).length / found.length;
    };
    const learn = (more: object) => new NeuralClassifier({ ...settings, labelCol: "wrong", ...more }).fit(lessons);
    expect(await right(await learn({ weightCol: "weight" }))).toBeGreaterThan(0.9);
    const ones = await (await learn({ classWeight: { 0: 0, 1: 1 } })).transform(marked).values("prediction");
    expect(ones.filter((one) => one === 1).length).toBe(ones.length);
    const binary = { network: nn.dense(1), loss: "binaryCrossentropy", classWeight: { 0: 0 } };
    expect(new Set(await (await learn(binary)).transform(marked).values("prediction"))).toEqual(new Set([1]));
  });
});

test("a fit leaves the main thread free, from the first row to the model's last byte", {
  timeout: 120_000,
}, async ({ skip }) => {
  const wide = session
    .sql(
      `SELECT id % 2 AS label, list_transform(range(784), i -> sin(i * id))::FLOAT[784] AS features FROM range(10000) AS t(id)`,
    )
    .cache();
  await wide.count();
  // 19 MB of weights
  const network = nn.sequential([nn.dense(6000), nn.dense(2)]);
  const classifier = new NeuralClassifier({ network, batchSize: 500, epochs: 1, validation: 0.1 });
  const delay = await quietLoop(20, async () => {
    const { params } = await classifier.fit(wide);
    expect(params.model.bytes.length).toBeGreaterThan(18e6);
  });
  if (delay.busy !== undefined) skip(delay.busy);
  expect(delay).toMatchObject({ quiet: true });
});
