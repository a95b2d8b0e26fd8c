/** @file Short runs of deep networks, for tests of memory: as a module, and as a program that prints the MiB it took. */

import * as nn from "../src/nn/index.js";
import { crossEntropy } from "../src/nn/losses/cross-entropy.js";
import { adam } from "../src/optim/adam.js";
import { RowStore } from "../src/train/row-store.js";
import { type Trained, train } from "../src/train/trainer.js";
import { Random } from "../src/util/random.js";

export type Kind = "dense" | "convolutions" | "recurrent";

const rowShapes: Readonly<Record<Kind, readonly number[]>> = {
  dense: [64],
  convolutions: [2, 8, 8],
  recurrent: [5, 4],
};

function layersOf(kind: Kind, count: number): nn.Layer[] {
  const times = (make: () => nn.Layer[]) => Array.from({ length: count }, make).flat();
  if (kind === "dense") return [...times(() => [nn.dense(64, { activation: "tanh" }), nn.dropout(0.1)]), nn.dense(3)];
  if (kind === "recurrent") return [nn.lstm(6, { returnSequences: true }), nn.gru(5), nn.dense(3)];
  const block = () => [nn.conv2d(4, 3, { padding: "same", activation: "relu" }), nn.batchNormalization()];
  return [...times(block), nn.maxPooling2d(2), nn.flatten(), nn.dense(3)];
}

export interface DeepRun {
  readonly rows: number;
  readonly batchSize: number;
  readonly layers: number;
  readonly recompute?: boolean;
  readonly memoryLimit?: number;
  readonly accumulated?: number;
}

export async function deepRun(
  kind: Kind,
  { rows, batchSize, layers, accumulated = 1, ...more }: DeepRun,
): Promise<Trained> {
  const shape = rowShapes[kind];
  const x = { name: "features", dtype: "float32" as const, shape };
  const y = { name: "label", dtype: "int32" as const, shape: [] };
  const store = new RowStore([x, y], { budget: 2 ** 30, who: "test" });
  const random = new Random(1);
  const size = rows * shape.reduce((product, each) => product * each, 1);
  const columns = {
    features: Float32Array.from({ length: size }, () => random.uniform()),
    label: Int32Array.from({ length: rows }, () => random.below(3)),
  };
  await store.add({ count: rows, columns });
  const head = { output: "output", target: y, loss: crossEntropy(), lossWeight: 1, metrics: [] };
  return train({
    ...{
      who: "test",
      problem: { network: nn.sequential(layersOf(kind, layers)), inputs: [x], heads: [head], weight: undefined },
    },
    ...{ optimizer: adam({ lr: 0.01, gradientAccumulationSteps: accumulated }), train: store },
    ...{ epochs: 2, batchSize, seed: 1, ...more },
  });
}

if (import.meta.filename === process.argv[1]) {
  const before = process.resourceUsage().maxRSS;
  await deepRun("dense", { rows: 8192, batchSize: 8192, layers: 20, recompute: process.argv[2] === "true" });
  process.stdout.write(String(Math.round((process.resourceUsage().maxRSS - before) / 1024)));
}
