/** @file Layers in the training engine, whose steps are the body of a Loop: states, random numbers, sequences short and long. */

import { describe, expect, test } from "vitest";
import * as nn from "../src/nn/index.js";
import { adam } from "../src/optim/adam.js";
import { RowStore } from "../src/train/row-store.js";
import { train } from "../src/train/trainer.js";
import { randomTensor } from "./run-onnx.js";

interface Case {
  readonly name: string;
  readonly shape: readonly number[];
  readonly layers: () => nn.Layer[];
  /** Weights and states that training must have moved. */
  readonly moved: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: "convolution, batch normalization, pooling",
    shape: [1, 8, 8],
    layers: () => [nn.conv2d(4, 3), nn.batchNormalization(), nn.relu(), nn.maxPooling2d(), nn.flatten(), nn.dense(1)],
    moved: ["conv2d/kernel", "batch_normalization/gamma", "batch_normalization/movingMean"],
  },
  {
    name: "LSTM and GRU, some inputs dropped",
    shape: [12, 3],
    layers: () => [
      nn.bidirectional(nn.lstm(4, { returnSequences: true, dropout: 0.2 })),
      nn.gru(4, { recurrentDropout: 0.2 }),
      nn.dense(1),
    ],
    moved: ["bidirectional/forward_lstm/recurrentKernel", "bidirectional/backward_lstm/kernel", "gru/recurrentBias"],
  },
  {
    name: "a masked sequence",
    shape: [6, 3],
    layers: () => [nn.masking(), nn.lstm(4, { returnSequences: true }), nn.globalAveragePooling1d(), nn.dense(1)],
    moved: ["lstm/kernel"],
  },
  {
    name: "a sequence too long to be written out",
    shape: [220, 2],
    layers: () => [nn.lstm(3, { returnSequences: true }), nn.simpleRNN(3, { goBackwards: true }), nn.dense(1)],
    moved: ["lstm/recurrentKernel", "simple_rnn/recurrentKernel"],
  },
  {
    name: "Transformer",
    shape: [6, 4],
    layers: () => [
      nn.positionEmbedding(6),
      nn.transformerEncoder(8, 2, { dropout: 0.1, useCausalMask: true }),
      nn.globalAveragePooling1d(),
      nn.dense(1),
    ],
    moved: ["position_embedding/embeddings", "transformer_encoder/attention/query/kernel"],
  },
  {
    name: "an autoencoder of pictures",
    shape: [1, 8, 8],
    layers: () => [
      nn.separableConv2d(4, 3, { strides: 2, padding: "same" }),
      nn.groupNormalization(2),
      nn.conv2dTranspose(2, 3, { strides: 2, padding: "same" }),
      nn.spatialDropout2d(0.1),
      nn.flatten(),
      nn.dense(1),
    ],
    moved: ["separable_conv2d/depthwiseKernel", "conv2d_transpose/kernel"],
  },
];

describe.each(cases)("$name", ({ shape, layers, moved }) => {
  test("learns from step to step", async () => {
    const rows = 32;
    const fields = [
      { name: "features", dtype: "float32", shape },
      { name: "target", dtype: "float32", shape: [1] },
    ] as const;
    const features = randomTensor([rows, ...shape], 3).data;
    const size = features.length / rows;
    // the mean of a row's first half, as a target that sequences must remember
    const target = Float32Array.from({ length: rows }, (_, row) => {
      const half = features.subarray(row * size, row * size + size / 2);
      return 2 + half.reduce((sum, value) => sum + value, 0) / half.length;
    });
    const data = async () => {
      const store = new RowStore(fields, { budget: 2 ** 22, who: "test" });
      await store.add({ count: rows, columns: { features, target } });
      return store;
    };
    const head = {
      output: "output",
      target: fields[1],
      loss: nn.losses.meanSquaredError(),
      lossWeight: 1,
      metrics: [],
    };
    const problem = { network: nn.sequential(layers()), inputs: [fields[0]], heads: [head], weight: undefined };
    const options = { who: "test", problem, optimizer: adam({ lr: 0.03 }), batchSize: 16, seed: 2 };
    const begun = await train({ ...options, train: await data(), epochs: 1 });
    const { history, weights } = await train({ ...options, train: await data(), epochs: 12 });
    expect(history.at(-1)!.loss).toBeLessThan(0.5 * history[0]!.loss!);
    for (const name of moved) {
      expect([...weights.get(name)!.data], name).not.toEqual([...begun.weights.get(name)!.data]);
    }
  });
});
