/** @file Parts of one's own: a layer, a loss, a metric, a schedule and a callback, made of what the package exports alone. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type Callback, load, loadEstimator, NeuralRegressor, nn, optim, params, Session } from "../src/index.js";

const scale = nn.defineLayer({
  type: "OwnScale",
  params: { start: params.number("first value of the factors", { default: 1, min: 0 }) },
  positional: ["start"],
  build: ({ weight }, [x], { start }) =>
    x!.mul(weight("factors", [Number(x!.shape!.at(-1))], { initializer: nn.initializers.constant({ value: start }) })),
});

const pinball = nn.losses.defineLoss({
  type: "OwnPinball",
  specs: { quantile: params.number("part of the targets that lie below", { default: 0.5, min: 0, max: 1 }) },
  predicts: "values",
  perPlace({ g, prediction, target }, { quantile }) {
    const error = g.sub(target, prediction);
    return g.max(g.mul(error, quantile), g.mul(error, quantile - 1));
  },
});

const bias = nn.metrics.defineMetric({
  type: "OwnBias",
  specs: {},
  isLargerBetter: false,
  name: () => "bias",
  size: () => 2,
  sums: ({ g, prediction, target, weight }) => [
    g.reduceSum(g.mul(g.reshape(g.sub(prediction, target), [-1]), weight)),
    g.reduceSum(weight),
  ],
  result: ([sum, weight]) => sum! / weight!,
});

const saw = optim.defineSchedule({
  type: "OwnSaw",
  specs: {
    lr: params.number("highest rate", { above: 0 }),
    period: params.integer("steps of one tooth", { min: 1, default: 10 }),
  },
  at: (step, { lr, period }) => lr * (1 - (step % period) / (2 * period)),
});

describe("parts of one's own", () => {
  let session: Session;
  let folder: string;
  beforeAll(async () => {
    session = await Session.open();
    folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
  });
  afterAll(async () => {
    await session.close();
    await rm(folder, { recursive: true });
  });

  test("train, are saved with the estimator, and stay behind in the model", async () => {
    const rows = Array.from({ length: 200 }, (_, i) => ({ x: [i / 100 - 1, Math.sin(i)], y: (3 * i) / 100 - 3 }));
    const df = session.createDataFrame(rows, { x: "float[2]", y: "float" });
    const heard: number[] = [];
    const spy: Callback = {
      name: "Spy",
      onEpochEnd(epoch, logs, run) {
        heard.push(logs.bias!);
        if (epoch === 30) run.stop("enough");
      },
    };
    const estimator = new NeuralRegressor({
      network: nn.sequential([scale(2), nn.dense(1)]),
      featuresCol: "x",
      labelCol: "y",
      loss: pinball({ quantile: 0.5 }),
      metrics: [bias()],
      optimizer: optim.adam({ lr: saw({ lr: 0.05 }) }),
      epochs: 100,
      seed: 1,
    });
    await estimator.save(join(folder, "estimator"));
    const model = await estimator.with({ callbacks: [spy] }).fit(df);
    expect(heard).toHaveLength(31);
    expect(Math.abs(heard.at(-1)!)).toBeLessThan(0.1);
    expect(model.history.at(-1)!.loss).toBeLessThan(0.1);
    expect(model.history[0]!.lr).toBeCloseTo(0.05 * (1 - 6 / 20)); // of the step that comes next, the 7th

    const again = await loadEstimator(join(folder, "estimator"));
    expect(again.toSpec().params).toEqual(estimator.toSpec().params);
    await model.save(join(folder, "model"));
    const { prediction } = await (await load(join(folder, "model"))).predictOne({ x: [0.5, 0] });
    expect(prediction).toBeCloseTo(1.5, 0);
  });

  test("have their parameters checked as all others", () => {
    expect(() => scale(-1)).toThrow("OwnScale: start must be a number of at least 0, got -1");
    expect(() => saw({ lr: 1, perod: 3 } as never)).toThrow('did you mean "period"?');
    expect(() => saw({} as never)).toThrow("OwnSaw: lr is missing; set it to a number above 0 (highest rate)");
  });
});
