import { describe, expect, test } from "vitest";
import { engines } from "../../../test/engines.js";
import * as nn from "../../nn/index.js";
import { adam } from "../../optim/adam.js";
import { NeuralRegressor } from "./neural-regressor.js";

const network = () => nn.sequential([nn.dense(32, { activation: "tanh" }), nn.dense(1)]);
const rows = Array.from({ length: 400 }, (_, i) => {
  const features = [((i * 37) % 101) / 50 - 1, ((i * 59) % 97) / 48 - 1];
  return { key: i, features, label: 3 * features[0]! * features[1]! + 1 };
});
const types = { key: "int", features: "double[2]", label: "double" } as const;
const settings = { optimizer: adam({ lr: 0.02 }), epochs: 60, batchSize: 32, seed: 1 } as const;

describe.each(engines)("NeuralRegressor on $name", ({ frame }) => {
  test("learns a product, and predicts it in rows and alone", async () => {
    const data = await frame(rows, types);
    const estimator = new NeuralRegressor({ network: network(), ...settings, validation: 0.2, metrics: ["r2"] });
    const model = await estimator.fit(data);
    expect(model.history).toHaveLength(60);
    expect(model.history.at(-1)!.val_r2).toBeGreaterThan(0.95);
    const found = await model.transform(data).orderBy("key").collect();
    const squares = found.map(({ label, prediction }) => ((label as number) - (prediction as number)) ** 2);
    expect(squares.reduce((a, b) => a + b) / squares.length).toBeLessThan(0.05);
    const alone = await model.predictOne({ features: rows[5]!.features });
    expect(alone.prediction).toBeCloseTo(found[5]!.prediction as number, 5);
  });

  test("takes a tensor for its label: a row's own features", async () => {
    const data = await frame(rows, types);
    const mirror = nn.sequential([nn.dense(8, { activation: "tanh" }), nn.dense(2)]);
    const estimator = new NeuralRegressor({ network: mirror, ...settings, labelCol: "features", loss: "huber" });
    expect(String(estimator.transformSchema(await data.schema()))).toContain("prediction:");
    const model = await estimator.fit(data);
    const { prediction } = await model.predictOne({ features: [0.5, -0.25] });
    expect([...(prediction as Iterable<number>)][0]).toBeCloseTo(0.5, 1);
    expect([...(prediction as Iterable<number>)][1]).toBeCloseTo(-0.25, 1);
  });

  test.each([
    [{ label: null }, /^NeuralRegressor: row 1 of column "label" is null; fill or drop it first$/],
    [
      { label: Number.POSITIVE_INFINITY },
      /^NeuralRegressor: row 1 of column "label" holds Infinity, or more than float32's 3.4e38; numbers must be/,
    ],
    [{ features: [1, Number.NaN] }, /^NeuralRegressor: row 1 of column "features" holds NaN; numbers must be finite/],
  ])("refuses %j with the row", async (bad, message) => {
    const good = { features: [0, 1], label: 1 };
    const data = await frame([good, { ...good, ...bad }, good], { features: "double[2]", label: "double" });
    await expect(new NeuralRegressor({ network: network() }).fit(data)).rejects.toThrow(message);
  });

  test("refuses no rows, and an output whose shape is not the label's", async () => {
    const none = await frame([], types);
    await expect(new NeuralRegressor({ network: network() }).fit(none)).rejects.toThrow(/^NeuralRegressor: .*no rows/);
    const data = await frame(rows, types);
    await expect(new NeuralRegressor({ network: nn.dense(3) }).fit(data)).rejects.toThrow(
      /^MeanSquaredError: targets of the prediction's shape \[32, 3\] expected, got \[32\]; .*; otherwise end the network in one output$/,
    );
  });
});
