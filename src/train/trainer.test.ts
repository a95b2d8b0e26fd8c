import { availableParallelism, loadavg } from "node:os";
import { describe, expect, onTestFinished, test } from "vitest";
import { quietLoop } from "../../test/loop-delay.js";
import { TrainingError } from "../errors.js";
import { dense } from "../nn/layers/dense.js";
import { dropout } from "../nn/layers/dropout.js";
import { crossEntropy } from "../nn/losses/cross-entropy.js";
import { accuracy } from "../nn/metrics/accuracy.js";
import { sequential } from "../nn/network.js";
import { adam } from "../optim/adam.js";
import { lbfgs } from "../optim/lbfgs-optimizer.js";
import type { Tensor } from "../tensor/tensor.js";
import { Random } from "../util/random.js";
import type { Callback, TrainingRun } from "./callback.js";
import { earlyStopping } from "./callbacks/early-stopping.js";
import { decodeCheckpoint } from "./checkpoint.js";
import type { Field, Problem } from "./problem.js";
import { RowStore } from "./row-store.js";
import { type Trained, type TrainOptions, train } from "./trainer.js";

const x: Field = { name: "features", dtype: "float32", shape: [2] };
const y: Field = { name: "label", dtype: "int32", shape: [] };

function problem(): Problem {
  const network = sequential([dense(16, { activation: "tanh" }), dropout(0.1), dense(2)]);
  const head = { output: "output", target: y, loss: crossEntropy(), lossWeight: 1, metrics: [accuracy()] };
  return { network, inputs: [x], heads: [head], weight: undefined };
}

/** Points in the four quadrants; those where both signs agree are class 1. */
async function quadrants(rows: number, budget = 2 ** 20): Promise<RowStore> {
  const store = new RowStore([x, y], { budget, who: "test" });
  onTestFinished(() => store.close());
  const random = new Random(5);
  const features = Float32Array.from({ length: 2 * rows }, () => 2 * random.uniform() - 1);
  const label = Int32Array.from({ length: rows }, (_, i) => Number(features[2 * i]! * features[2 * i + 1]! > 0));
  await store.add({ count: rows, columns: { features, label } });
  return store;
}

async function options(more: Partial<TrainOptions> = {}): Promise<TrainOptions> {
  const data = await quadrants(500);
  return {
    ...{ who: "test", problem: problem(), optimizer: adam({ lr: 0.02 }) },
    ...{ train: data, epochs: 30, batchSize: 32, seed: 3, ...more },
  };
}

const numbersOf = (weights: ReadonlyMap<string, Tensor>) =>
  Object.fromEntries([...weights].map(([name, { data }]) => [name, [...(data as Float32Array)]]));

describe("training", () => {
  test("learns, and tells loss and metrics of rows it trained on and of others", async () => {
    const { history, weights } = await train(await options({ validation: await quadrants(200) }));
    expect(history).toHaveLength(30);
    expect(history.at(-1)!.accuracy).toBeGreaterThan(0.86);
    expect(history.at(-1)!.val_accuracy).toBeGreaterThan(0.93);
    expect(history.at(-1)!.val_loss).toBeLessThan(history[0]!.val_loss!);
    expect([...weights.keys()]).toEqual(["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]);
  });

  test("gives the same weights for the same seed, and others for another", async () => {
    const [a, b, c] = [
      await train(await options({ epochs: 2 })),
      await train(await options({ epochs: 2 })),
      await train(await options({ epochs: 2, seed: 4 })),
    ];
    expect(numbersOf(a.weights)).toEqual(numbersOf(b.weights));
    expect(numbersOf(a.weights)).not.toEqual(numbersOf(c.weights));
  });

  test.each([adam({ lr: 0.02 }), lbfgs({ lr: 0.05, historySize: 4 })])(
    "goes on from a checkpoint in the middle of an epoch to the very same weights by $type",
    async (optimizer) => {
      const whole = await train(await options({ optimizer, epochs: 3 }));
      let saved: Uint8Array | undefined;
      const stopAt: Callback = {
        name: "stop",
        onBatchBegin() {},
        async onBatchEnd(step: number, _logs, run: TrainingRun) {
          if (step !== 20) return;
          saved = await run.checkpoint();
          run.stop("test");
        },
      };
      const cut = await train(await options({ optimizer, epochs: 3, callbacks: [stopAt] }));
      expect(cut.stopped).toBe("test");
      const rest = await train(await options({ optimizer, epochs: 3, resume: decodeCheckpoint(saved!, "memory") }));
      expect(numbersOf(rest.weights)).toEqual(numbersOf(whole.weights));
      expect(rest.history).toEqual(whole.history);
    },
  );

  test("L-BFGS needs far fewer steps over all rows than Adam, and one learning rate for all", async () => {
    const network = sequential([dense(16, { activation: "tanh" }), dense(2)]);
    const same = { problem: { ...problem(), network }, epochs: 60, batchSize: 500 };
    const [by, adams] = [lbfgs({ lr: 0.5 }), adam({ lr: 0.02 })];
    const { history } = await train(await options({ ...same, optimizer: by }));
    expect(history.at(-1)!.loss).toBeLessThan(
      0.5 * (await train(await options({ ...same, optimizer: adams }))).history.at(-1)!.loss!,
    );
    const slow = sequential([dense({ units: 16, lrMultiplier: 0.1 }), dense(2)]);
    await expect(train(await options({ problem: { ...problem(), network: slow }, optimizer: by }))).rejects.toThrow(
      "LBFGS: all weights take one step together, but layers have lrMultiplier 0.1, 1; give all the same, or choose another optimizer",
    );
  });

  test("refuses a checkpoint of other rows", async () => {
    let saved: Uint8Array | undefined;
    const save: Callback = {
      name: "save",
      onEpochEnd: async (_epoch, _logs, run) => {
        saved = await run.checkpoint();
      },
    };
    await train(await options({ epochs: 1, callbacks: [save] }));
    const others = options({ train: await quadrants(300), resume: decodeCheckpoint(saved!, "memory") });
    await expect(train(await others)).rejects.toThrow(
      "test: the checkpoint is of another run: the rows, or their order, changed since; train on the same data in a fixed order, as with orderBy, or set resume: false",
    );
  });

  test("takes another batch size after an epoch, not within one", async () => {
    const saved: Uint8Array[] = [];
    const save: Callback = {
      name: "save",
      onProgress: async (_logs, run) => void saved.push(await run.checkpoint()),
      onEpochEnd: async (_epoch, _logs, run) => void saved.push(await run.checkpoint()),
    };
    await train(await options({ epochs: 1, callbacks: [save] }));
    const goOn = async (from: Uint8Array) =>
      train(await options({ epochs: 2, batchSize: 50, resume: decodeCheckpoint(from, "memory") }));
    await expect(goOn(saved[0]!)).rejects.toThrow(
      "test: the checkpoint is of another run: the rows of a step (32 then, 50 now), within an epoch, changed since; take as many until it ends, or set resume: false",
    );
    expect((await goOn(saved.at(-1)!)).history).toHaveLength(2);
  });

  test("trains on rows that do not fit the budget, from a file", async () => {
    const data = await quadrants(2000, 1000);
    expect(data.isResident).toBe(false);
    const { history } = await train(await options({ train: data, epochs: 10 }));
    expect(history.at(-1)!.accuracy).toBeGreaterThan(0.86);
    await data.close();
  });

  test("accumulates gradients to the same step as one batch of all", async () => {
    const network = sequential([dense(4, { activation: "tanh" }), dense(2)]);
    const same = { problem: { ...problem(), network }, epochs: 2 };
    const data = () => quadrants(480);
    const one = await train(await options({ ...same, train: await data(), batchSize: 32 }));
    const four = await train(
      await options({
        ...same,
        train: await data(),
        batchSize: 8,
        optimizer: adam({ lr: 0.02, gradientAccumulationSteps: 4 }),
      }),
    );
    for (const [name, values] of Object.entries(numbersOf(one.weights))) {
      for (const [i, value] of numbersOf(four.weights)[name]!.entries()) expect(value).toBeCloseTo(values[i]!, 3);
    }
  });

  test("stops at a loss that is not finite, with the step, the learning rate and the largest gradient", async () => {
    const failed = await train(await options({ optimizer: adam({ lr: 1e38 }) })).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(TrainingError);
    const { message, code, model } = failed as TrainingError<Trained>;
    expect(code).toBe("NOT_FINITE");
    expect(message).toMatch(
      /^test: the loss is no longer a finite number at step \d+ \(epoch 1\), with learning rate 1e\+38 and (NaN|Infinity|[\d.e+-]+) as the largest gradient, that of "dense(_1)?\/(kernel|bias)"; lower the learning rate/,
    );
    // those of the last step with a finite loss are there
    for (const values of Object.values(numbersOf(model.weights)))
      for (const value of values) expect(Number.isFinite(value)).toBe(true);
  });

  test("an abort ends it with what was learned", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const abort: Callback = { name: "abort", onEpochEnd: (epoch) => void (epoch === 1 && controller.abort(reason)) };
    const running = train(await options({ callbacks: [abort], signal: controller.signal }));
    const error: TrainingError<Trained> = await running.then(
      () => undefined as never,
      (error) => error,
    );
    expect(error).toMatchObject({ name: "AbortError", code: "ABORTED", cause: reason, fields: { step: 32 } });
    expect(error.message).toBe(
      "test: the fit was aborted at step 32 (epoch 3 of 30); what was learned until then is the error's model",
    );
    const two = await train(await options({ epochs: 2 }));
    expect(numbersOf(error.model.weights)).toEqual(numbersOf(two.weights));
    expect(error.model.history).toEqual(two.history);
  });

  test("an abort before the first step ends it with the signal's reason", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(train(await options({ signal }))).rejects.toBe(signal.reason);
  });

  test.each(["abort", "NaN"])("what an %s leaves are the best weights where those are restored", async (how) => {
    const controller = new AbortController();
    const spoil: Callback = {
      name: "spoil",
      async onEpochEnd(epoch, _logs, run) {
        if (epoch === 3) run.lrFactor = how === "NaN" ? 1e38 : 1e4;
        if (epoch === 4) controller.abort();
      },
    };
    const best = earlyStopping({ monitor: "loss", patience: 10, restoreBestWeights: true });
    const more = { callbacks: [spoil, best], signal: controller.signal };
    const { model } = (await train(await options(more)).catch(
      (error) => error as TrainingError<Trained>,
    )) as TrainingError<Trained>;
    expect(model.history).toHaveLength(how === "NaN" ? 4 : 5);
    expect(numbersOf(model.weights)).toEqual(numbersOf((await train(await options({ epochs: 4 }))).weights));
  });

  test("reports at least five times a second, whether steps are short or long", { timeout: 60_000 }, async ({
    skip,
  }) => {
    for (const [units, rows, epochs] of [
      [16, 30_000, 2],
      [1024, 1000, 1],
    ] as const) {
      const times: number[] = [];
      const watch: Callback = { name: "watch", onProgress: () => void times.push(performance.now()) };
      const network = sequential([dense(units), dense(units, { activation: "tanh" }), dense(2)]);
      const data = await quadrants(rows);
      await train(
        await options({ problem: { ...problem(), network }, train: data, epochs, batchSize: 20, callbacks: [watch] }),
      );
      const gaps = times
        .slice(1)
        .map((time, i) => time - times[i]!)
        .sort((a, b) => a - b);
      expect(gaps.length).toBeGreaterThan(2);
      const median = gaps[Math.floor(gaps.length / 2)]!;
      if (median >= 200 && loadavg()[0]! > 2 * availableParallelism()) skip("the machine is too busy to tell");
      expect(median).toBeLessThan(200);
    }
  });

  test("leaves the main thread free", { timeout: 120_000 }, async ({ skip }) => {
    const wide: Field = { ...x, shape: [784] };
    const count = 10_000;
    const features = new Float32Array(784 * count).fill(0.5);
    const label = Int32Array.from({ length: count }, (_, i) => i % 2);
    const network = sequential([dense(512, { activation: "relu" }), dropout(0.1), dense(2)]);
    const delay = await quietLoop(20, async () => {
      const store = new RowStore([wide, y], { budget: 2 ** 28, who: "test" });
      await store.add({ count, columns: { features, label } });
      const given = { problem: { ...problem(), inputs: [wide], network }, train: store, epochs: 1, batchSize: 100 };
      await train(await options(given));
    });
    if (delay.busy !== undefined) skip(delay.busy);
    expect(delay).toMatchObject({ quiet: true });
  });

  test("reads the next block while one trains, the first of an epoch during the one before", async () => {
    const events: string[] = [];
    class Watched extends RowStore {
      override read(pieces: Parameters<RowStore["read"]>[0]) {
        events.push("read");
        return super.read(pieces);
      }
    }
    // 88 MB, in blocks of 64
    const [wide, count] = [{ ...x, shape: [4000] }, 5500];
    const store = new Watched([wide, y], { budget: 1, who: "test" });
    for (let from = 0; from < count; from += 500) {
      const columns = {
        features: new Float32Array(4000 * 500).fill(from / count),
        label: new Int32Array(500).fill(from % 2),
      };
      await store.add({ count: 500, columns });
    }
    const told: Callback = {
      name: "told",
      onEpochBegin: (epoch) => void events.push(`epoch ${epoch}`),
      onEpochEnd: (epoch) => void events.push(`end of ${epoch}`),
    };
    const given = { problem: { ...problem(), inputs: [wide] }, train: store, epochs: 2, batchSize: 500 };
    await train(await options({ ...given, callbacks: [told] }));
    expect(events).toEqual(["epoch 0", "read", "read", "read", "end of 0", "epoch 1", "read", "end of 1"]);
    await store.close();
  });

  test("a device that is not there is refused", async () => {
    await expect(train(await options({ device: "cuda" }))).rejects.toThrow(/^training graph: .*cuda/);
  });

  test("says that there are no rows", async () => {
    const empty = new RowStore([x, y], { budget: 1000, who: "test" });
    await expect(train(await options({ train: empty }))).rejects.toThrow(
      "test: there are no rows to train on; check the filter before it",
    );
  });
});
