/** @file The networks that the training benchmark trains, as deepframe builds them; training.py and training-tfjs.js build the same. */

import { nn, optim } from "../src/index.js";
import { sharedData } from "../test/shared-data.js";

export interface TrainingCase {
  readonly name: string;
  /** Of one row. */
  readonly shape: readonly number[];
  readonly rows: number;
  readonly batchSize: number;
  readonly classes: number;
  /** Passes over the rows, after one that is not counted. */
  readonly epochs: number;
  /** Whether the first pass, and what goes before it, counts too, because what is kept then makes the others fast. */
  readonly countsFirst?: boolean;
  readonly optimizer: "adam" | "momentum";
  /** Times as fast as PyTorch with its default optimizer, and with its fused one. */
  readonly targets: { readonly torch: number; readonly fused?: number };
  /** Steps that TensorFlow.js trains, and its backends that can train this. */
  readonly tensorflow?: { readonly steps: number; readonly backends: readonly ("wasm" | "cpu")[] };
  network(): Promise<nn.Network>;
}

const mobilenet = sharedData("models/mobilenet_v2_1.0_224.onnx");

export const trainingCases: Readonly<Record<string, TrainingCase>> = {
  mlp: {
    name: "MLP 784-256-128-10, Adam, batch 64",
    ...{ shape: [784], rows: 12_800, batchSize: 64, classes: 10, epochs: 20, optimizer: "adam" },
    targets: { torch: 1.8, fused: 1.4 },
    tensorflow: { steps: 50, backends: ["wasm", "cpu"] },
    network: async () =>
      nn.sequential([nn.dense(256, { activation: "relu" }), nn.dense(128, { activation: "relu" }), nn.dense(10)]),
  },
  cnn: {
    name: "CNN conv16-pool-conv32-pool-dense, 28x28, SGD momentum, batch 64",
    ...{ shape: [1, 28, 28], rows: 3_200, batchSize: 64, classes: 10, epochs: 12, optimizer: "momentum" },
    targets: { torch: 1 },
    // wasm has no gradient of convolutions
    tensorflow: { steps: 1, backends: ["cpu"] },
    network: async () =>
      nn.sequential([
        nn.input({ shape: [1, 28, 28] }),
        nn.conv2d(16, 3, { padding: "same", activation: "relu" }),
        nn.maxPooling2d(2),
        nn.conv2d(32, 3, { padding: "same", activation: "relu" }),
        nn.maxPooling2d(2),
        nn.flatten(),
        nn.dense(10),
      ]),
  },
  lstm: {
    name: "LSTM of 2 layers of 64, 50 steps of 32, Adam, batch 64",
    ...{ shape: [50, 32], rows: 1_920, batchSize: 64, classes: 10, epochs: 10, optimizer: "adam" },
    targets: { torch: 1.5 },
    tensorflow: { steps: 2, backends: ["wasm", "cpu"] },
    network: async () =>
      nn.sequential([nn.input({ shape: [50, 32] }), nn.lstm(64, { returnSequences: true }), nn.lstm(64), nn.dense(10)]),
  },
  gru: {
    name: "GRU of 2 layers of 64, 50 steps of 32, Adam, batch 64",
    ...{ shape: [50, 32], rows: 1_920, batchSize: 64, classes: 10, epochs: 10, optimizer: "adam" },
    targets: { torch: 1 },
    network: async () =>
      nn.sequential([nn.input({ shape: [50, 32] }), nn.gru(64, { returnSequences: true }), nn.gru(64), nn.dense(10)]),
  },
  transformer: {
    name: "Transformer encoder block, 64 x 128, 4 heads, feed-forward 512, Adam, batch 32",
    ...{ shape: [64, 128], rows: 960, batchSize: 32, classes: 10, epochs: 10, optimizer: "adam" },
    targets: { torch: 1 },
    network: async () =>
      nn.sequential([
        nn.input({ shape: [64, 128] }),
        nn.transformerEncoder(512, 4),
        nn.globalAveragePooling1d(),
        nn.dense(10),
      ]),
  },
  ...(mobilenet !== undefined && {
    head: {
      name: "MobileNetV2's head, 224x224, 6 epochs with the frozen part, Adam, batch 32",
      ...{ shape: [224, 224, 3], rows: 128, batchSize: 32, classes: 5, epochs: 6, countsFirst: true },
      optimizer: "adam" as const,
      targets: { torch: 3 },
      network: async () =>
        nn.sequential([
          nn.input({ shape: [224, 224, 3] }),
          (await nn.fromOnnx(mobilenet)).cutAt("features").freeze(),
          nn.dense(5),
        ]),
    },
  }),
};

export function optimizerOf({ optimizer }: TrainingCase) {
  return optimizer === "adam" ? optim.adam({ lr: 1e-3 }) : optim.sgd({ lr: 0.01, momentum: 0.9 });
}
