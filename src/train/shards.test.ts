import { describe, expect, test } from "vitest";
import { conv2d } from "../nn/layers/conv.js";
import { dense } from "../nn/layers/dense.js";
import { dropout } from "../nn/layers/dropout.js";
import { batchNormalization, embedding, flatten, lambda, lstm, reshape } from "../nn/layers/index.js";
import { crossEntropy } from "../nn/losses/cross-entropy.js";
import { tripletSemiHard } from "../nn/losses/triplet.js";
import { accuracy } from "../nn/metrics/accuracy.js";
import { sequential } from "../nn/network.js";
import { adam } from "../optim/adam.js";
import { sgd } from "../optim/sgd.js";
import type { Tensor } from "../tensor/tensor.js";
import { Random } from "../util/random.js";
import type { Callback, TrainingRun } from "./callback.js";
import { decodeCheckpoint } from "./checkpoint.js";
import { Layout } from "./layout.js";
import { type Field, manifestOf, type Problem } from "./problem.js";
import { RowStore } from "./row-store.js";
import { shardsOf } from "./shards.js";
import { type TrainOptions, train } from "./trainer.js";

type Layers = Parameters<typeof sequential>[0];

const x: Field = { name: "features", dtype: "float32", shape: [16] };
const y: Field = { name: "label", dtype: "int32", shape: [] };

function problem(layers: Layers, loss = crossEntropy()): Problem {
  const head = { output: "output", target: y, loss, lossWeight: 1, metrics: [accuracy()] };
  return { network: sequential(layers), inputs: [x], heads: [head], weight: undefined };
}

async function waves(rows: number): Promise<RowStore> {
  const store = new RowStore([x, y], { budget: 2 ** 20, who: "test" });
  const random = new Random(5);
  const label = Int32Array.from({ length: rows }, () => random.below(3));
  const features = Float32Array.from({ length: 16 * rows }, (_, i) => {
    return Math.sin((1 + label[Math.floor(i / 16)]!) * (i % 16)) + 0.3 * random.normal();
  });
  await store.add({ count: rows, columns: { features, label } });
  return store;
}

async function options(layers: Layers, more: Partial<TrainOptions> = {}): Promise<TrainOptions> {
  return {
    ...{ who: "test", problem: problem(layers), optimizer: adam({ lr: 0.01 }), train: await waves(192) },
    ...{ epochs: 3, batchSize: 32, seed: 3, ...more },
  };
}

const numbersOf = (weights: ReadonlyMap<string, Tensor>) =>
  [...weights].flatMap(([, { data }]) => [...(data as Float32Array)]);

describe("steps that two threads share", () => {
  test.each<[string, () => Layers]>([
    ["dense layers with dropout", () => [dense(16, { activation: "tanh" }), dropout(0.2), dense(3)]],
    ["convolutions", () => [reshape([1, 4, 4]), conv2d(4, 3, { activation: "relu" }), flatten(), dense(3)]],
    ["an LSTM", () => [reshape([4, 4]), lstm(6), dense(3)]],
  ])("are those of two batches of half the size: %s", async (_, layers) => {
    const shared = await train(await options(layers(), { shards: 2 }));
    const optimizer = adam({ lr: 0.01, gradientAccumulationSteps: 2 });
    const alone = await train(await options(layers(), { batchSize: 16, optimizer }));
    const expected = numbersOf(alone.weights);
    for (const [i, value] of numbersOf(shared.weights).entries()) expect(value).toBeCloseTo(expected[i]!, 5);
    expect(shared.history.at(-1)!.loss).toBeCloseTo(alone.history.at(-1)!.loss!, 5);
    expect(shared.history.at(-1)!.accuracy).toBe(alone.history.at(-1)!.accuracy);
  });

  test.each([
    ["averaged weights", 2, { useEma: true, emaMomentum: 0.5 }],
    // all weights are looked at together, so every thread updates all
    ["gradients clipped by their common norm", 2, { globalClipNorm: 0.1 }],
    // biases make a group of three, smaller than the number of threads
    ["a group of few weights", 4, { weightDecay: 0.1 }],
  ])("update as one thread does: %s", async (_, shards, params) => {
    const layers = () => [dense(3)];
    const shared = await train(await options(layers(), { shards, optimizer: adam({ lr: 0.01, ...params }) }));
    const alone = await train(await options(layers(), { optimizer: adam({ lr: 0.01, ...params }) }));
    const expected = numbersOf(alone.weights);
    for (const [i, value] of numbersOf(shared.weights).entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  });

  test("learn, also where the last batch is uneven, and give the same for the same seed", async () => {
    const layers = () => [dense(16, { activation: "tanh" }), dropout(0.1), dense(3)];
    const more = { shards: 2, epochs: 10 };
    const data = async () => ({ train: await waves(201), validation: await waves(90) });
    const [a, b] = [
      await train(await options(layers(), { ...more, ...(await data()) })),
      await train(await options(layers(), { ...more, ...(await data()) })),
    ];
    expect(a.history.at(-1)!.val_accuracy).toBeGreaterThan(0.9);
    expect(numbersOf(a.weights)).toEqual(numbersOf(b.weights));
  });

  test("go on from a checkpoint in the middle of an epoch to the very same weights", async () => {
    const layers = () => [dense(16, { activation: "tanh" }), dropout(0.1), dense(3)];
    const whole = await train(await options(layers(), { shards: 2 }));
    let saved: Uint8Array | undefined;
    const stopAt: Callback = {
      name: "stop",
      onBatchBegin() {},
      async onBatchEnd(step: number, _logs, run: TrainingRun) {
        if (step !== 8) return;
        saved = await run.checkpoint();
        run.stop("test");
      },
    };
    await train(await options(layers(), { shards: 2, callbacks: [stopAt] }));
    const resumed = await train(await options(layers(), { shards: 2, resume: decodeCheckpoint(saved!, "test") }));
    expect(numbersOf(resumed.weights)).toEqual(numbersOf(whole.weights));
  });

  test("end where the loss is no longer finite, with the largest gradient and the weights before it", async () => {
    const layers = [dense(8), dense(3)];
    const failing = train(await options(layers, { shards: 2, optimizer: sgd({ lr: 1e25 }) }));
    await expect(failing).rejects.toThrow(
      /^test: the loss is no longer a finite number at step \d+ \(epoch 1\), with learning rate 1e\+25 and \S+ as the largest gradient, that of "dense/,
    );
    const error = await failing.catch((error) => error);
    for (const value of numbersOf(error.model.weights)) expect(Number.isFinite(value)).toBe(true);
  });

  test("end in all threads where one fails, with its error", async () => {
    const layers = [lambda((value) => value.abs().mul(100)), embedding(4, 2), flatten(), dense(3)];
    await expect(train(await options(layers, { shards: 2 }))).rejects.toThrow(
      /^test: an Embedding was fed (\d+|a number below 0), but/,
    );
  });

  test("are ended by an abort, which keeps what was learned", async () => {
    const abort = new AbortController();
    const callbacks: Callback[] = [{ name: "abort", onEpochEnd: (epoch) => void (epoch === 1 && abort.abort()) }];
    const layers = [dense(16), dense(3)];
    const more = { shards: 2, epochs: 1000, callbacks, signal: abort.signal };
    const error = await train(await options(layers, more)).catch((error) => error);
    expect([error.code, error.model.history.length]).toEqual(["ABORTED", 2]);
  });
});

describe("threads that share a step", () => {
  const threadsFor = (
    layers: Layers,
    {
      batchSize = 64,
      threads = 4,
      recompute = false,
      loss = crossEntropy(),
      weight = undefined as Field | undefined,
    } = {},
  ) => {
    const given = { ...problem(layers, loss), weight };
    const manifest = manifestOf(given);
    const layout = new Layout(manifest.weights, manifest.states, adam());
    return shardsOf({ form: given, manifest, layout, batchSize, recompute, device: "cpu", threads });
  };
  const heavy = () => [
    reshape([1, 4, 4]),
    conv2d(128, 3, { padding: "same" }),
    conv2d(128, 3, { padding: "same" }),
    flatten(),
    dense(3),
  ];

  test("are as many as cores where there is much to do for each weight", () => {
    expect(threadsFor(heavy())).toBe(4);
    expect(threadsFor(heavy(), { threads: 2 })).toBe(2);
    expect(threadsFor([dense(8), dense(3)])).toBe(1);
    // much to do, and many weights
    expect(threadsFor([dense(4000), dense(4000), dense(3)])).toBe(1);
  });

  test("have a divisor of the batch each, of eight rows or more", () => {
    expect(threadsFor(heavy(), { batchSize: 66 })).toBe(3);
    expect(threadsFor(heavy(), { batchSize: 24 })).toBe(3);
    expect(threadsFor(heavy(), { batchSize: 67 })).toBe(1);
  });

  test("are not more than one where the rows of a batch bear on each other", () => {
    expect(threadsFor([...heavy(), batchNormalization(), dense(3)])).toBe(1);
    expect(threadsFor([...heavy(), lambda((value) => value.sub(value.reduceMean({ axes: [0] })))])).toBe(1);
    expect(threadsFor(heavy(), { loss: tripletSemiHard() as ReturnType<typeof crossEntropy> })).toBe(1);
    expect(threadsFor(heavy(), { weight: { name: "weight", dtype: "float32", shape: [] } })).toBe(1);
    expect(threadsFor(heavy(), { recompute: true })).toBe(1);
  });
});
