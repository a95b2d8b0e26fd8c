import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runOnnx } from "../../../test/run-onnx.js";
import { Graph } from "../../graph/graph.js";
import { dense } from "../../nn/layers/dense.js";
import { dropout } from "../../nn/layers/dropout.js";
import { crossEntropy } from "../../nn/losses/index.js";
import { accuracy, auc, f1 } from "../../nn/metrics/index.js";
import { sequential } from "../../nn/network.js";
import { adamW, cosineDecay, warmup } from "../../optim/index.js";
import { Tensor } from "../../tensor/tensor.js";
import { Random } from "../../util/random.js";
import type { Callback } from "../callback.js";
import { decodeCheckpoint } from "../checkpoint.js";
import type { Field, Problem } from "../problem.js";
import { RowStore } from "../row-store.js";
import { type TrainOptions, train } from "../trainer.js";
import * as callbacks from "./index.js";

const x: Field = { name: "features", dtype: "float32", shape: [2] };
const y: Field = { name: "label", dtype: "int32", shape: [] };

function problem(): Problem {
  const network = sequential([dense(16, { activation: "tanh" }), dropout(0.1), dense(2)]);
  const metrics = [accuracy(), auc(), f1()];
  const head = { output: "output", target: y, loss: crossEntropy({ labelSmoothing: 0.05 }), lossWeight: 1, metrics };
  return { network, inputs: [x], heads: [head], weight: undefined };
}

/** Points in the four quadrants; those where both signs agree are class 1. */
async function quadrants(rows: number, seed: number): Promise<RowStore> {
  const store = new RowStore([x, y], { budget: 2 ** 20, who: "test" });
  const random = new Random(seed);
  const features = Float32Array.from({ length: 2 * rows }, () => 2 * random.uniform() - 1);
  const label = Int32Array.from({ length: rows }, (_, i) => Number(features[2 * i]! * features[2 * i + 1]! > 0));
  await store.add({ count: rows, columns: { features, label } });
  return store;
}

async function options(more: Partial<TrainOptions> = {}): Promise<TrainOptions> {
  return {
    ...{ who: "test", problem: problem(), optimizer: adamW({ lr: 0.02 }), epochs: 25, batchSize: 32, seed: 3 },
    ...{ train: await quadrants(500, 5), validation: await quadrants(200, 6), ...more },
  };
}

const numbersOf = (weights: ReadonlyMap<string, Tensor>) =>
  Object.fromEntries([...weights].map(([name, { data }]) => [name, [...(data as Float32Array)]]));

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("callbacks on a real run", () => {
  test("all hear that it ended, though one throws as it hears", async () => {
    const ended: string[] = [];
    const named = (name: string): Callback => ({
      name,
      onTrainEnd() {
        ended.push(name);
        if (name !== "last") throw new Error(`${name} failed`);
      },
    });
    const given = [named("first"), named("second"), named("last")];
    await expect(train(await options({ epochs: 1, callbacks: given }))).rejects.toThrow("first failed");
    expect(ended).toEqual(["first", "second", "last"]);
  });

  test("a stop as an epoch begins leaves the epochs before it", async () => {
    const ended: number[] = [];
    const stopping: Callback = {
      name: "Stopping",
      onEpochBegin: (epoch, run) => {
        if (epoch === 2) run.stop("enough");
      },
      onEpochEnd: (epoch) => {
        ended.push(epoch);
      },
    };
    const { history, stopped } = await train(await options({ callbacks: [stopping] }));
    expect([ended, history.length, stopped]).toEqual([[0, 1], 2, "enough"]);
    expect(history.every(({ loss }) => Number.isFinite(loss))).toBe(true);
  });

  test("EarlyStopping ends it with the weights of its best epoch, ModelCheckpoint has that model", async () => {
    const seen: number[] = [];
    const best = join(folder, "best.onnx");
    const { history, stopped, weights } = await train(
      await options({
        callbacks: [
          callbacks.earlyStopping({ monitor: "val_accuracy", patience: 3, restoreBestWeights: true }),
          callbacks.modelCheckpoint({ path: best, monitor: "val_accuracy", saveBestOnly: true }),
          callbacks.lambdaCallback({ onEpochEnd: (_epoch, logs) => void seen.push(logs.val_accuracy!) }),
        ],
      }),
    );
    const top = Math.max(...seen);
    expect(stopped).toBe(
      `val_accuracy got no better than ${Number(top.toPrecision(6))} after epoch ${seen.indexOf(top) + 1} for 3 epochs`,
    );
    expect(history).toHaveLength(seen.indexOf(top) + 4);
    const model = Graph.fromBytes(await readFile(best));
    const kernel = model.initializers.get("dense/kernel")!.tensor;
    expect([...(kernel.data as Float32Array)]).toEqual(numbersOf(weights)["dense/kernel"]);
    const { output } = await runOnnx(model, { features: new Tensor("float32", Float32Array.of(0.5, 0.5), [1, 2]) });
    expect(output!.data[1]! > output!.data[0]!).toBe(true);
    expect(history.at(-1)!.auc).toBeGreaterThan(0.85);
    expect(history.at(-1)!.val_f1).toBeGreaterThan(0.8);
  });

  test("a file of ModelCheckpoint leads to the very same end, logs and states of callbacks included", async () => {
    const make = (name: string) => [
      callbacks.modelCheckpoint({ path: join(folder, `${name}-{epoch}.ckpt`), keepLast: 8 }),
      callbacks.csvLogger({ path: join(folder, "log.csv") }),
      callbacks.reduceLROnPlateau({ monitor: "loss", patience: 1, factor: 0.5, minDelta: 0.05 }),
      callbacks.earlyStopping({ monitor: "val_accuracy", patience: 2, restoreBestWeights: true }),
    ];
    const optimizer = adamW({ lr: warmup({ steps: 20, lr: cosineDecay({ lr: 0.05, decaySteps: 100 }) }) });
    const whole = await train(await options({ epochs: 8, optimizer, callbacks: make("whole") }));
    const csv = await readFile(join(folder, "log.csv"), "utf8");
    const at = join(folder, "whole-3.ckpt");
    const resume = decodeCheckpoint(await readFile(at), at);
    const rest = await train(await options({ epochs: 8, optimizer, callbacks: make("rest"), resume }));
    expect(numbersOf(rest.weights)).toEqual(numbersOf(whole.weights));
    expect(rest.history).toEqual(whole.history);
    expect(rest.stopped).toEqual(whole.stopped);
    expect(await readFile(join(folder, "log.csv"), "utf8")).toBe(csv);
  });

  test("logs of all kinds are written while it trains", async () => {
    const lines: string[] = [];
    const stream = { isTTY: false, write: (line: string) => lines.push(line) > 0 };
    const history = callbacks.history();
    await train(
      await options({
        epochs: 3,
        callbacks: [
          callbacks.eventsLog({ path: join(folder, "events.jsonl") }),
          callbacks.tensorBoard({ logDir: join(folder, "logs"), histogramFreq: 1, updateFreq: "batch" }),
          callbacks.progressBar({ stream }),
          callbacks.learningRateScheduler({ schedule: (epoch) => 0.01 / (epoch + 1) }),
          history,
        ],
      }),
    );
    expect(lines).toHaveLength(3);
    expect(lines[2]).toMatch(/^Epoch 3\/3 {2}loss 0\.\d{4} {2}accuracy .* samples\/s {2}\d+\.\d s\n$/);
    expect(history.logs.map(({ lr }) => lr)).toEqual([0.01, 0.005, expect.closeTo(0.01 / 3, 12)]);
    const events = (await readFile(join(folder, "events.jsonl"), "utf8")).trim().split("\n");
    expect(JSON.parse(events.at(-1)!)).toMatchObject({ event: "end", epoch: 3, step: 48 });
    expect((await readdir(join(folder, "logs"))).sort()).toEqual(["train", "validation"]);
  });

  test("hear of validations every so many steps, which change nothing about what is learned", async () => {
    const heard: [step: number, logs: object][] = [];
    const path = join(folder, "events.jsonl");
    const told = callbacks.lambdaCallback({ onValidation: (logs, { step }) => void heard.push([step, logs]) });
    const logging = [told, callbacks.eventsLog({ path }), callbacks.tensorBoard({ logDir: join(folder, "logs") })];
    const settings = { epochs: 3, validateEverySteps: 6 };
    const whole = await train(await options({ ...settings, callbacks: logging }));
    // 16 steps per epoch, the last of the 48 among them
    expect(heard.map(([step]) => step)).toEqual([6, 12, 18, 24, 30, 36, 42, 48]);
    expect(heard.at(-1)![1]).toEqual(whole.history.at(-1));
    const events = (await readFile(path, "utf8")).trim().split("\n");
    const validations = events.map((line) => JSON.parse(line)).filter(({ event }) => event === "validation");
    expect(validations.map(({ step, logs }) => [step, logs])).toEqual(heard);
    const [board] = await readdir(join(folder, "logs", "validation"));
    const scalars = await readFile(join(folder, "logs", "validation", board!), "latin1");
    expect(scalars.match(/evaluation_\w+_vs_iterations/g)).toHaveLength(8 * 4);
    const plain = await train(await options({ epochs: 3 }));
    expect(numbersOf(whole.weights)).toEqual(numbersOf(plain.weights));
    expect(whole.history).toEqual(plain.history);

    // one that is killed with a checkpoint of a step at which validation is due hears all the same ones
    let saved: Uint8Array | undefined;
    const steps = [...heard];
    heard.length = 0;
    const save: Callback = {
      name: "save",
      async onProgress(_logs, run) {
        if (run.step === 24) saved = await run.checkpoint();
      },
    };
    await train(await options({ ...settings, callbacks: [told, save] }));
    heard.length = 0;
    const resume = decodeCheckpoint(saved!, "test");
    const rest = await train(await options({ ...settings, callbacks: [told, save], resume }));
    expect(heard).toEqual(steps.slice(3));
    expect(numbersOf(rest.weights)).toEqual(numbersOf(whole.weights));
  });

  test("EarlyStopping and ModelCheckpoint go by validations within epochs where they are asked to", async () => {
    const seen: [step: number, loss: number][] = [];
    const best = join(folder, "best.onnx");
    const interval = "validation";
    const { history, stopped, weights } = await train(
      await options({
        optimizer: adamW({ lr: 0.3 }),
        validateEverySteps: 5,
        callbacks: [
          callbacks.earlyStopping({ interval, patience: 4, restoreBestWeights: true }),
          callbacks.modelCheckpoint({ path: best, interval, saveBestOnly: true }),
          callbacks.lambdaCallback({ onValidation: (logs, { step }) => void seen.push([step, logs.val_loss!]) }),
        ],
      }),
    );
    const lowest = Math.min(...seen.map(([, loss]) => loss));
    const at = seen.findIndex(([, loss]) => loss === lowest);
    expect(stopped).toBe(
      `val_loss got no better than ${Number(lowest.toPrecision(6))} after step ${5 * (at + 1)} for 4 validations`,
    );
    expect(seen).toHaveLength(at + 5);
    // 16 steps an epoch
    expect(history).toHaveLength(Math.ceil((5 * seen.length) / 16));
    const kernel = Graph.fromBytes(await readFile(best)).initializers.get("dense/kernel")!.tensor;
    expect([...(kernel.data as Float32Array)]).toEqual(numbersOf(weights)["dense/kernel"]);
  });

  test("a file that ModelCheckpoint saved at a validation leads to the very same end", async () => {
    const interval = "validation";
    const make = (name: string) => [
      callbacks.modelCheckpoint({ path: join(folder, `${name}-{step}.ckpt`), interval }),
      callbacks.reduceLROnPlateau({ interval, patience: 2, factor: 0.5, cooldown: 1, minDelta: 0.05 }),
      callbacks.earlyStopping({ interval, patience: 6, restoreBestWeights: true }),
    ];
    const settings = { epochs: 6, validateEverySteps: 6, optimizer: adamW({ lr: 0.1 }) };
    const whole = await train(await options({ ...settings, callbacks: make("whole") }));
    const rates = whole.history.map(({ lr }) => lr!);
    expect(rates.at(-1)).toBeLessThan(rates[0]!);
    for (const step of [6, 24, 48]) {
      const at = join(folder, `whole-${step}.ckpt`);
      const resume = decodeCheckpoint(await readFile(at), at);
      expect(resume.progress).toMatchObject({ step, validatedStep: step });
      const rest = await train(await options({ ...settings, callbacks: make("rest"), resume }));
      expect(numbersOf(rest.weights)).toEqual(numbersOf(whole.weights));
      expect(rest.history).toEqual(whole.history);
      expect(rest.stopped).toEqual(whole.stopped);
    }
  });

  test("may stop it at a validation", async () => {
    const stop: Callback = { name: "stop", onValidation: (_logs, run) => run.stop("good enough") };
    const { stopped, history } = await train(await options({ validateEverySteps: 20, callbacks: [stop] }));
    expect([stopped, history.length]).toEqual(["good enough", 2]);
  });
});
