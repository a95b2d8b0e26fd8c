/** @file Every loss, optimizer and metric in real runs of the training engine. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as nn from "../../src/nn/index.js";
import { type Loss, losses } from "../../src/nn/losses/loss.js";
import type { BatchMetric } from "../../src/nn/metrics/batch-metric.js";
import { BinaryScores } from "../../src/nn/metrics/binary-scores.js";
import { ConfusionMatrix } from "../../src/nn/metrics/confusion-matrix.js";
import { ProbabilitySums } from "../../src/nn/metrics/probability-sums.js";
import { RegressionSums } from "../../src/nn/metrics/regression-sums.js";
import { Tensor } from "../../src/tensor/tensor.js";
import { activate } from "../../src/train/forward.js";
import { runOnnx } from "../run-onnx.js";
import "../../src/optim/index.js";
import { optimizers } from "../../src/optim/optimizer.js";
import { type Field, inferenceGraph, type Problem } from "../../src/train/problem.js";
import { RowStore } from "../../src/train/row-store.js";
import { train } from "../../src/train/trainer.js";
import { Random } from "../../src/util/random.js";
import { type Nested, shapeOf, tensorOf } from "./nested.js";

interface Case {
  readonly type: string;
  readonly params: object;
  readonly prediction: Nested;
  readonly target: Nested;
}

const path = new URL("../../../test/reference/losses.json", import.meta.url);
const cases: readonly Case[] = JSON.parse(readFileSync(path, "utf8")).cases;

type Columns = Parameters<RowStore["add"]>[0]["columns"];

async function storeOf(fields: readonly Field[], count: number, columns: Columns) {
  const store = new RowStore([...fields], { budget: 2 ** 20, who: "test" });
  await store.add({ count, columns });
  return store;
}

function problemOf(x: Field, y: Field, network: nn.Network, loss: Loss): Problem {
  return {
    network,
    inputs: [x],
    heads: [{ output: "output", target: y, loss, lossWeight: 1, metrics: [] }],
    weight: undefined,
  };
}

/** What losses of probabilities or counts need of a network. */
const activations: Readonly<Record<string, string>> = {
  KLDivergence: "softmax",
  SparseCategoricalCrossentropy: "softmax",
  Poisson: "softplus",
  MeanSquaredLogarithmicError: "softplus",
};

describe.each(losses.types)("%s", (type) => {
  test("gets smaller in training", async () => {
    const c = cases.find((each) => each.type === type)!;
    const loss = losses.decode({ type, params: c.params }, undefined as never, "test");
    const [rows, ...sizes] = shapeOf(c.prediction) as [number, ...number[]];
    const ofClasses = loss.target === "classes";
    const x: Field = { name: "features", dtype: "float32", shape: sizes };
    const y: Field = { name: "label", dtype: ofClasses ? "int32" : "float32", shape: shapeOf(c.target).slice(1) };
    const target = tensorOf(c.target, ofClasses ? "int64" : "float32").toNumbers();
    const activation = activations[type];
    const network = nn.sequential([nn.dense({ units: sizes.at(-1)!, ...(activation && { activation }) })]);
    const { history } = await train({
      who: "test",
      problem: problemOf(x, y, network, loss),
      optimizer: optimizers.decode({ type: "Adam", params: { lr: 0.02 } }, undefined as never, "test"),
      train: await storeOf([x, y], rows, {
        features: tensorOf(c.prediction, "float32").data as Float32Array,
        label: ofClasses ? Int32Array.from(target) : Float32Array.from(target),
      }),
      epochs: 30,
      batchSize: rows,
      seed: 1,
    });
    expect(history.at(-1)!.loss).toBeLessThan(history[0]!.loss!);
  });
});

describe.each(optimizers.types)("%s", (type) => {
  test("learns in training, with clipping and decay (where it has them), an average and accumulated gradients", async () => {
    const x: Field = { name: "features", dtype: "float32", shape: [3] };
    const y: Field = { name: "label", dtype: "float32", shape: [1] };
    const random = new Random(2);
    const features = Float32Array.from({ length: 3 * 192 }, () => 2 * random.uniform() - 1);
    const label = Float32Array.from({ length: 192 }, (_, i) => features[3 * i]! * 2 - features[3 * i + 1]!);
    const common = { useEma: true, emaMomentum: 0.9, gradientAccumulationSteps: 2 };
    // L-BFGS has neither decay nor clipping, and learns of all rows at once
    const isWhole = type === "LBFGS";
    const more = isWhole ? common : { weightDecay: 1e-4, globalClipNorm: 1, ...common };
    // Adadelta begins slowly whatever its rate
    const lr = { Adadelta: 20, SGD: 0.3, Adagrad: 0.3, LBFGS: 0.5 }[type] ?? 0.03;
    const { history, weights } = await train({
      who: "test",
      problem: problemOf(
        x,
        y,
        nn.sequential([nn.dense(8, { activation: "tanh" }), nn.dense(1)]),
        nn.losses.meanSquaredError(),
      ),
      optimizer: optimizers.decode({ type, params: { lr, ...more } }, undefined as never, "test"),
      train: await storeOf([x, y], 192, { features, label }),
      epochs: 15,
      batchSize: isWhole ? 96 : 16,
      seed: 1,
    });
    expect(history.at(-1)!.loss).toBeLessThan(history[0]!.loss! / 4);
    for (const { data } of weights.values()) for (const value of data as Float32Array) expect(value).not.toBeNaN();
  });
});

describe("metrics of validation equal the exact ones on what the model predicts", () => {
  /** The logs of a run that learns nothing, and the predictions of its model. */
  async function validated(
    y: Field,
    outputs: number,
    loss: Loss,
    metrics: readonly BatchMetric[],
    label: Columns[string],
  ) {
    const x: Field = { name: "features", dtype: "float32", shape: [3] };
    const w: Field = { name: "weight", dtype: "float32", shape: [] };
    const random = new Random(9);
    const features = Float32Array.from({ length: 3 * rows }, () => 4 * random.uniform() - 2);
    const network = nn.sequential([nn.dense(outputs)]);
    const problem: Problem = {
      ...{ network, inputs: [x], weight: w },
      heads: [{ output: "output", target: y, loss, lossWeight: 1, metrics }],
    };
    const store = () =>
      storeOf([x, y, w], rows, { features: features.slice(), label: label.slice(), weight: weight.slice() });
    const { history, weights } = await train({
      ...{ who: "test", problem, epochs: 1, batchSize: 64, seed: 4 },
      optimizer: optimizers.decode({ type: "SGD", params: { lr: 0 } }, undefined as never, "test"),
      ...{ train: await store(), validation: await store() },
    });
    const graph = inferenceGraph(problem, weights, (_g, found) => ({ y: activate(loss, found.output!) }));
    const { y: predicted } = await runOnnx(graph, { features: new Tensor("float32", features, [rows, 3]) });
    return { logs: history[0]!, predicted: predicted!.data as Float32Array };
  }

  const rows = 333;
  const weight = Float32Array.from({ length: rows }, (_, i) => 0.5 + (i % 4));

  test("of classes", async () => {
    const labels = Int32Array.from({ length: rows }, (_, i) => (i * i) % 3);
    const average = { average: "macro", classes: 3 } as const;
    const { accuracy, topKCategoricalAccuracy, logLoss, f1, precision, recall } = nn.metrics;
    const metrics = [
      accuracy(),
      topKCategoricalAccuracy({ k: 2 }),
      logLoss(),
      f1(average),
      precision(average),
      recall(average),
    ];
    const y: Field = { name: "label", dtype: "int32", shape: [] };
    const { logs, predicted } = await validated(y, 3, nn.losses.crossEntropy(), metrics, labels);
    const exact = new ProbabilitySums("test", 3);
    exact.add(labels, predicted, weight);
    const matrix = new ConfusionMatrix();
    const best = Array.from(labels, (_, i) => {
      const row = predicted.subarray(3 * i, 3 * i + 3);
      return row.indexOf(Math.max(...row));
    });
    matrix.add(labels, best, weight);
    expect(logs.val_accuracy).toBeCloseTo(matrix.accuracy, 6);
    expect(logs.val_top_2_accuracy).toBeCloseTo(exact.topK(2), 6);
    expect(logs.val_log_loss).toBeCloseTo(exact.logLoss, 6);
    expect(logs.val_loss).toBeCloseTo(exact.logLoss, 5);
    expect(logs.val_f1).toBeCloseTo(
      matrix.macro((label) => matrix.fMeasure(label)),
      6,
    );
    expect(logs.val_precision).toBeCloseTo(
      matrix.macro((label) => matrix.precision(label)),
      6,
    );
    expect(logs.val_recall).toBeCloseTo(
      matrix.macro((label) => matrix.recall(label)),
      6,
    );
  });

  test("of yes and no", async () => {
    const bits = Float32Array.from({ length: rows }, (_, i) => Number((i * i) % 3 === 1));
    const { auc } = nn.metrics;
    const y: Field = { name: "label", dtype: "float32", shape: [] };
    const metrics = [auc(), auc({ numThresholds: 5000, name: "fine" }), auc({ curve: "PR" })];
    const { logs, predicted } = await validated(y, 1, nn.losses.binaryCrossentropy(), metrics, bits);
    const exact = new BinaryScores();
    exact.add(bits, predicted, weight);
    // rows that share an interval of 1/199 count as equal
    expect(Math.abs(logs.val_auc! - exact.areaUnderRoc())).toBeLessThan(5e-3);
    expect(Math.abs(logs.val_fine! - exact.areaUnderRoc())).toBeLessThan(2e-4);
    expect(Math.abs(logs.val_pr_auc! - exact.areaUnderPrecisionRecall())).toBeLessThan(2e-2);
  });

  test("of numbers", async () => {
    const numbers = Float32Array.from({ length: rows }, (_, i) => 50 + Math.sin(i));
    const { meanAbsoluteError, meanSquaredError, r2, rootMeanSquaredError } = nn.metrics;
    const y: Field = { name: "label", dtype: "float32", shape: [] };
    const metrics = [meanSquaredError(), meanAbsoluteError(), rootMeanSquaredError(), r2()];
    const { logs, predicted } = await validated(y, 1, nn.losses.meanSquaredError(), metrics, numbers);
    const exact = new RegressionSums();
    exact.add(numbers, predicted, weight);
    const relative = (found: number | undefined, wanted: number) => Math.abs(found! / wanted - 1);
    for (const [name, wanted] of [
      ["mse", exact.mse],
      ["mae", exact.mae],
      ["rmse", exact.rmse],
      ["r2", exact.r2()],
    ] as const) {
      expect(relative(logs[`val_${name}`], wanted), name).toBeLessThan(2e-6);
    }
  });
});

test("what labels stand at masked places of sequences makes no difference", async () => {
  const [rows, time] = [96, 6];
  const x: Field = { name: "features", dtype: "int32", shape: [time] };
  const y: Field = { name: "label", dtype: "int32", shape: [time] };
  const trained = async (hidden: number) => {
    const [features, label] = [new Int32Array(rows * time), new Int32Array(rows * time).fill(hidden)];
    for (let i = 0; i < rows; i++) {
      for (let at = i * time; at < i * time + 1 + ((i * 7) % time); at++) {
        features[at] = 1 + ((at * 5) % 4);
        label[at] = features[at]! % 3;
      }
    }
    const network = nn.sequential([
      nn.embedding(5, 8, { maskZero: true }),
      nn.lstm(8, { returnSequences: true }),
      nn.dense(3),
    ]);
    const metrics = [nn.metrics.accuracy(), nn.metrics.f1({ average: "macro", classes: 3 })];
    const head = { output: "output", target: y, loss: nn.losses.crossEntropy(), lossWeight: 1, metrics };
    const { history } = await train({
      ...{ who: "test", epochs: 5, batchSize: 32, seed: 1 },
      problem: { network, inputs: [x], heads: [head], weight: undefined },
      optimizer: optimizers.decode({ type: "Adam", params: { lr: 0.05 } }, undefined as never, "test"),
      train: await storeOf([x, y], rows, { features, label }),
    });
    return history;
  };
  const history = await trained(0);
  expect(history.at(-1)!.accuracy).toBeGreaterThan(0.9);
  expect(await trained(2)).toEqual(history);
});
