/** @file A training run with everything that has a state, for the test that kills it: as a module, and as a program that saves to a folder. */

import { writeFile } from "node:fs/promises";
import { batchNormalization } from "../src/nn/layers/batch-normalization.js";
import { dense } from "../src/nn/layers/dense.js";
import { dropout } from "../src/nn/layers/dropout.js";
import { crossEntropy } from "../src/nn/losses/cross-entropy.js";
import { accuracy } from "../src/nn/metrics/accuracy.js";
import { sequential } from "../src/nn/network.js";
import { adam } from "../src/optim/adam.js";
import { cosineDecay } from "../src/optim/schedules.js";
import type { Callback, Logs, TrainingRun } from "../src/train/callback.js";
import type { Field } from "../src/train/problem.js";
import { RowStore } from "../src/train/row-store.js";
import { type TrainOptions, train } from "../src/train/trainer.js";
import { Random } from "../src/util/random.js";

const x: Field = { name: "features", dtype: "float32", shape: [2] };
const y: Field = { name: "label", dtype: "int32", shape: [] };

async function rowsOf(count: number, seed: number): Promise<RowStore> {
  const store = new RowStore([x, y], { budget: 2 ** 24, who: "test" });
  const random = new Random(seed);
  const features = Float32Array.from({ length: 2 * count }, () => 2 * random.uniform() - 1);
  const label = Int32Array.from({ length: count }, (_, i) => Number(features[2 * i]! * features[2 * i + 1]! > 0));
  await store.add({ count, columns: { features, label } });
  return store;
}

/** Halves the learning rate, and at last ends the run, where the validation loss gets no better. */
function patience(): Callback {
  let state = { best: Number.POSITIVE_INFINITY, wait: 0 };
  return {
    name: "patience",
    onEpochEnd(_epoch: number, { val_loss: loss }: Logs, run: TrainingRun) {
      if (loss! < state.best) state = { best: loss!, wait: 0 };
      else state.wait++;
      if (state.wait > 0) run.lrFactor *= 0.5;
      if (state.wait === 8) run.stop("no better");
    },
    state: () => ({ ...state }),
    restore(given) {
      state = { ...(given as typeof state) };
    },
  };
}

/** Weights and history as text. */
export async function trainOnce(more: Partial<TrainOptions> = {}): Promise<string> {
  const network = sequential([
    dense(24),
    batchNormalization(),
    dropout(0.2),
    dense(16, { activation: "tanh" }),
    dense(2),
  ]);
  const head = { output: "output", target: y, loss: crossEntropy(), lossWeight: 1, metrics: [accuracy()] };
  const schedule = cosineDecay({ lr: 0.02, decaySteps: 2000 });
  const { weights, history, stopped } = await train({
    ...{ who: "test", problem: { network, inputs: [x], heads: [head], weight: undefined } },
    ...{ optimizer: adam({ lr: schedule }), train: await rowsOf(3000, 5), validation: await rowsOf(300, 6) },
    ...{ epochs: 40, batchSize: 48, seed: 3, callbacks: [patience()], ...more },
  });
  const values = [...weights].map(([name, { data }]) => [name, [...(data as Float32Array)]]);
  return JSON.stringify({ values, history, stopped });
}

const [, , folder, result] = process.argv;
if (folder !== undefined && result !== undefined && import.meta.filename === process.argv[1]) {
  const tell: Callback = { name: "tell", onTrainBegin: () => void process.stdout.write("training\n") };
  const text = await trainOnce({
    checkpointDir: folder,
    checkpointSeconds: 0.02,
    callbacks: [patience(), tell],
  });
  await writeFile(result, text);
}
