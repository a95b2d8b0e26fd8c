import { describe, expect, test } from "vitest";
import { engines } from "../../../test/engines.js";
import * as nn from "../../nn/index.js";
import { adam } from "../../optim/adam.js";
import { NeuralClassifier } from "./neural-classifier.js";

const network = () => nn.sequential([nn.dense(16, { activation: "tanh" }), nn.dense(2)]);
const rows = Array.from({ length: 400 }, (_, i) => {
  const features = [((i * 37) % 101) / 50 - 1, ((i * 59) % 97) / 48 - 1];
  return { key: i, features, label: Number(features[0]! * features[1]! > 0) };
});
const settings = { optimizer: adam({ lr: 0.02 }), epochs: 60, batchSize: 32, seed: 1 } as const;

describe.each(engines)("NeuralClassifier on $name", ({ frame }) => {
  test("learns classes, and predicts them in rows and alone", async () => {
    const data = await frame(rows, { key: "int", features: "double[2]", label: "int" });
    const model = await new NeuralClassifier({ network: network(), ...settings, validation: 0.2 }).fit(data);
    expect(model.history).toHaveLength(60);
    expect(model.history.at(-1)!.val_accuracy).toBeGreaterThan(0.85);
    const found = await model.transform(data).collect();
    const right = found.filter(({ label, prediction }) => label === prediction).length;
    expect(right / found.length).toBeGreaterThan(0.9);
    const { prediction, probability } = await model.predictOne({ features: [0.5, 0.5] });
    expect(prediction).toBe(1);
    expect((probability as number[]).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  });

  test.each([
    [{ label: 2 }, /^NeuralClassifier: row 1 of column "label" holds label 2, but the network tells 2 classes apart/],
    [
      { label: 0.5 },
      /^NeuralClassifier: row 1 of column "label" holds 0.5, which int32 cannot hold; number the classes from 0, as StringIndexer does$/,
    ],
    [{ label: null }, /^NeuralClassifier: row 1 of column "label" is null; fill or drop it first$/],
    [{ features: [1, Number.NaN] }, /^NeuralClassifier: row 1 of column "features" holds NaN; numbers must be finite/],
  ])("refuses %j with the row", async (bad, message) => {
    const good = { features: [0, 1], label: 1 };
    const data = await frame([good, { ...good, ...bad }, good], { features: "double[2]", label: "double" });
    await expect(new NeuralClassifier({ network: network() }).fit(data)).rejects.toThrow(message);
  });

  test("takes lists, whose length the rows tell, and any metric by name", async () => {
    const data = await frame(rows);
    const metrics = ["accuracy", "auc", "f1", "precision", "recall", "logLoss", "topK"];
    const more = { ...settings, epochs: 2, metrics, loss: "crossEntropy" };
    const { history } = await new NeuralClassifier({ network: network(), ...more }).fit(data);
    const names = ["loss", "accuracy", "auc", "f1", "precision", "recall", "log_loss", "top_5_accuracy", "lr"];
    expect(Object.keys(history[1]!)).toEqual(names);
    for (const value of Object.values(history[1]!)) expect(value).not.toBeNaN();
  });

  test("gives outputs of numbers their number, with metrics and loss weights by output", async () => {
    const data = await frame(
      rows.map((row) => ({ ...row, sum: row.features[0]! + row.features[1]! })),
      { key: "int", features: "double[2]", label: "int", sum: "double" },
    );
    const x = nn.input({ name: "x", shape: [2] });
    const hidden = nn.dense(16, { activation: "tanh" }).apply(x);
    const both = nn.model({ inputs: x, outputs: { sign: nn.dense(2).apply(hidden), sum: nn.dense(1).apply(hidden) } });
    const estimator = new NeuralClassifier({
      ...{
        ...settings,
        network: both,
        labelCols: { sign: "label", sum: "sum" },
        loss: { sign: "crossEntropy", sum: "mse" },
      },
      ...{ lossWeights: { sum: 2 }, metrics: { sign: ["accuracy"], sum: ["mae"] } },
    });
    const model = await estimator.fit(data);
    const { loss, sign_loss, sum_loss, ...last } = model.history.at(-1)!;
    expect(loss).toBeCloseTo(sign_loss! + 2 * sum_loss!, 5);
    expect(Object.keys(last)).toEqual(["sign_accuracy", "sum_mae", "lr"]);
    const promised = estimator.transformSchema(await data.schema());
    expect((await model.transform(data).schema()).names).toEqual(promised.names);
    const answer = await model.predictOne({ features: [0.5, 0.25] });
    expect(Object.keys(answer)).toEqual([
      "features",
      "sign_rawPrediction",
      "sign_probability",
      "sign_prediction",
      "sum_prediction",
    ]);
    expect(answer.sum_prediction).toBeCloseTo(0.75, 1);
    expect(Object.keys((await estimator.with({ metrics: ["accuracy"], epochs: 1 }).fit(data)).history[0]!)).toEqual([
      "loss",
      "sign_loss",
      "sum_loss",
      "sign_accuracy",
      "lr",
    ]);
    await expect(estimator.with({ lossWeights: { total: 2 } }).fit(data)).rejects.toThrow(
      'NeuralClassifier: lossWeights names the output "total", but the network has "sign", "sum"',
    );
  });

  test("says that there are no rows", async () => {
    const data = await frame([], { features: "double[2]", label: "double" });
    await expect(new NeuralClassifier({ network: network() }).fit(data)).rejects.toThrow(
      "NeuralClassifier: there are no rows to train on",
    );
  });
});
