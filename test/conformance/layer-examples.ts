/** @file One example of every layer: what the conformance suite puts through its checks. */

import * as nn from "../../src/nn/index.js";
import type { Layer } from "../../src/nn/layer.js";
import { Tensor } from "../../src/tensor/tensor.js";
import { randomTensor } from "../run-onnx.js";

export interface LayerExample {
  readonly layer: () => Layer;
  readonly inputs: readonly Tensor[];
  /** Shape of the first result. */
  readonly shape: readonly number[];
  /** Why a training graph gives other values than one for prediction. */
  readonly differs?: string;
  /** What it does with a mask of its first input, which is a sequence; default it gives none. */
  readonly mask?: "keeps" | "uses" | "usesAndKeeps";
  /** Where differences of float32 say little. */
  readonly tolerance?: number;
}

const row = randomTensor([3, 6], 1);
const sequence = randomTensor([2, 5, 4], 2);
const picture = randomTensor([2, 4, 6, 5], 3);
const volume = randomTensor([2, 2, 4, 3, 4], 4);
const numbers = new Tensor("int64", BigInt64Array.of(3n, 0n, 1n, 2n, 4n, 0n), [2, 3]);

/** By type. */
export const layerExamples: Readonly<Record<string, LayerExample>> = {
  Dense: { layer: () => nn.dense(3, { activation: "tanh" }), inputs: [row], shape: [3, 3], mask: "keeps" },
  Dropout: { layer: () => nn.dropout(0.4), inputs: [row], shape: [3, 6], differs: "random", mask: "keeps" },
  Conv1D: { layer: () => nn.conv1d(3, 2, { padding: "causal" }), inputs: [sequence], shape: [2, 5, 3] },
  Conv2D: {
    layer: () => nn.conv2d(4, [3, 2], { strides: 2, padding: "same", groups: 2 }),
    inputs: [picture],
    shape: [2, 4, 3, 3],
  },
  Conv3D: { layer: () => nn.conv3d(2, 2), inputs: [volume], shape: [2, 2, 3, 2, 3] },
  MaxPooling1D: { layer: () => nn.maxPooling1d(2), inputs: [sequence], shape: [2, 2, 4] },
  MaxPooling2D: { layer: () => nn.maxPooling2d(), inputs: [picture], shape: [2, 4, 3, 2] },
  MaxPooling3D: { layer: () => nn.maxPooling3d({ padding: "same" }), inputs: [volume], shape: [2, 2, 2, 2, 2] },
  AveragePooling1D: { layer: () => nn.averagePooling1d(3, { strides: 1 }), inputs: [sequence], shape: [2, 3, 4] },
  AveragePooling2D: {
    layer: () => nn.averagePooling2d(3, { strides: 2, padding: "same" }),
    inputs: [picture],
    shape: [2, 4, 3, 3],
  },
  AveragePooling3D: { layer: () => nn.averagePooling3d([2, 1, 2]), inputs: [volume], shape: [2, 2, 2, 3, 2] },
  GlobalMaxPooling1D: { layer: () => nn.globalMaxPooling1d(), inputs: [sequence], shape: [2, 4], mask: "uses" },
  GlobalMaxPooling2D: { layer: () => nn.globalMaxPooling2d(), inputs: [picture], shape: [2, 4] },
  GlobalMaxPooling3D: { layer: () => nn.globalMaxPooling3d(), inputs: [volume], shape: [2, 2] },
  GlobalAveragePooling1D: {
    layer: () => nn.globalAveragePooling1d(),
    inputs: [sequence],
    shape: [2, 4],
    mask: "uses",
  },
  GlobalAveragePooling2D: {
    layer: () => nn.globalAveragePooling2d({ keepdims: true }),
    inputs: [picture],
    shape: [2, 4, 1, 1],
  },
  GlobalAveragePooling3D: { layer: () => nn.globalAveragePooling3d(), inputs: [volume], shape: [2, 2] },
  Flatten: { layer: () => nn.flatten(), inputs: [picture], shape: [2, 120] },
  Reshape: { layer: () => nn.reshape([2, -1]), inputs: [picture], shape: [2, 2, 60] },
  Permute: { layer: () => nn.permute([2, 1]), inputs: [sequence], shape: [2, 4, 5] },
  RepeatVector: { layer: () => nn.repeatVector(3), inputs: [row], shape: [3, 3, 6] },
  Embedding: {
    layer: () => nn.embedding(5, 3, { maskZero: true }),
    inputs: [numbers],
    shape: [2, 3, 3],
    mask: "keeps",
  },
  BatchNormalization: {
    layer: () => nn.batchNormalization({ momentum: 0.9 }),
    inputs: [picture],
    shape: [2, 4, 6, 5],
    differs: "the batch's statistics",
    mask: "keeps",
  },
  SimpleRNN: { layer: () => nn.simpleRNN(3), inputs: [sequence], shape: [2, 3], mask: "uses" },
  LSTM: {
    layer: () => nn.lstm(3, { returnSequences: true }),
    inputs: [sequence],
    shape: [2, 5, 3],
    mask: "usesAndKeeps",
  },
  GRU: {
    layer: () => nn.gru(3, { returnSequences: true, goBackwards: true, outputOrder: "time" }),
    inputs: [sequence],
    shape: [2, 5, 3],
    mask: "usesAndKeeps",
  },
  Activation: { layer: () => nn.activation("sigmoid"), inputs: [row], shape: [3, 6], mask: "keeps" },
  ReLU: { layer: () => nn.relu({ maxValue: 1, negativeSlope: 0.1 }), inputs: [row], shape: [3, 6], mask: "keeps" },
  LeakyReLU: { layer: () => nn.leakyRelu(), inputs: [row], shape: [3, 6], mask: "keeps" },
  PReLU: {
    layer: () => nn.prelu({ alphaInitializer: "randomUniform" }),
    inputs: [picture],
    shape: [2, 4, 6, 5],
    mask: "keeps",
  },
  ELU: { layer: () => nn.elu(), inputs: [row], shape: [3, 6], mask: "keeps" },
  ThresholdedReLU: { layer: () => nn.thresholdedRelu(0.5), inputs: [row], shape: [3, 6], mask: "keeps" },
  Softmax: { layer: () => nn.softmax(), inputs: [row], shape: [3, 6], mask: "keeps" },
};
