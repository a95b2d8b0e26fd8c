/** @file One example of every layer: what the conformance suite puts through its checks. */

import * as nn from "../../src/nn/index.js";
import { type Layer, layers } from "../../src/nn/layer.js";
import { trace } from "../../src/ops/trace.js";
import { Tensor } from "../../src/tensor/tensor.js";
import { Asset } from "../../src/util/asset.js";
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
  /** Why it cannot be stored. */
  readonly noJson?: string;
  /** Where differences of float32 say little. */
  readonly tolerance?: number;
}

const row = randomTensor([3, 6], 1);
const sequence = randomTensor([2, 5, 4], 2);
const picture = randomTensor([2, 4, 6, 5], 3);
const volume = randomTensor([2, 2, 4, 3, 4], 4);
const numbers = new Tensor("int64", BigInt64Array.of(3n, 0n, 1n, 2n, 4n, 0n), [2, 3]);

const file = new Asset(
  trace(({ x }, g) => ({ y: x.matmul(g.parameter("w", randomTensor([6, 2], 5))).tanh() }), { x: ["N", 6] }).toBytes(),
);

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
  SimpleRNN: {
    layer: () => nn.simpleRNN(3, { activityRegularizer: "l2" }),
    inputs: [sequence],
    shape: [2, 3],
    mask: "uses",
  },
  LSTM: {
    layer: () => nn.lstm(3, { returnSequences: true, returnState: true, activityRegularizer: "l2" }),
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
  Conv1DTranspose: { layer: () => nn.conv1dTranspose(3, 3, { strides: 2 }), inputs: [sequence], shape: [2, 11, 3] },
  Conv2DTranspose: {
    layer: () => nn.conv2dTranspose(3, [3, 2], { strides: [2, 3], padding: "same" }),
    inputs: [picture],
    shape: [2, 3, 12, 15],
  },
  Conv3DTranspose: { layer: () => nn.conv3dTranspose(2, 2), inputs: [volume], shape: [2, 2, 5, 4, 5] },
  DepthwiseConv1D: {
    layer: () => nn.depthwiseConv1d(3, { depthMultiplier: 2 }),
    inputs: [sequence],
    shape: [2, 3, 8],
  },
  DepthwiseConv2D: {
    layer: () => nn.depthwiseConv2d(3, { padding: "same", strides: 2 }),
    inputs: [picture],
    shape: [2, 4, 3, 3],
  },
  SeparableConv1D: { layer: () => nn.separableConv1d(3, 2), inputs: [sequence], shape: [2, 4, 3] },
  SeparableConv2D: {
    layer: () => nn.separableConv2d(3, 2, { depthMultiplier: 2 }),
    inputs: [picture],
    shape: [2, 3, 5, 4],
  },
  LayerNormalization: {
    layer: () => nn.layerNormalization({ gammaInitializer: "randomNormal" }),
    inputs: [sequence],
    shape: [2, 5, 4],
    mask: "keeps",
  },
  RMSNormalization: { layer: () => nn.rmsNormalization(), inputs: [sequence], shape: [2, 5, 4], mask: "keeps" },
  GroupNormalization: { layer: () => nn.groupNormalization(2), inputs: [picture], shape: [2, 4, 6, 5], mask: "keeps" },
  SpatialDropout1D: {
    layer: () => nn.spatialDropout1d(0.5),
    inputs: [sequence],
    shape: [2, 5, 4],
    differs: "random",
    mask: "keeps",
  },
  SpatialDropout2D: {
    layer: () => nn.spatialDropout2d(0.5),
    inputs: [picture],
    shape: [2, 4, 6, 5],
    differs: "random",
    mask: "keeps",
  },
  SpatialDropout3D: {
    layer: () => nn.spatialDropout3d(0.5),
    inputs: [volume],
    shape: [2, 2, 4, 3, 4],
    differs: "random",
    mask: "keeps",
  },
  GaussianNoise: { layer: () => nn.gaussianNoise(1), inputs: [row], shape: [3, 6], differs: "random", mask: "keeps" },
  GaussianDropout: {
    layer: () => nn.gaussianDropout(0.3),
    inputs: [row],
    shape: [3, 6],
    differs: "random",
    mask: "keeps",
  },
  AlphaDropout: { layer: () => nn.alphaDropout(0.3), inputs: [row], shape: [3, 6], differs: "random", mask: "keeps" },
  Add: {
    layer: () => nn.add(),
    inputs: [row, randomTensor([3, 6], 8), randomTensor([3, 6], 9)],
    shape: [3, 6],
    mask: "keeps",
  },
  Subtract: { layer: () => nn.subtract(), inputs: [row, randomTensor([3, 6], 8)], shape: [3, 6], mask: "keeps" },
  Multiply: { layer: () => nn.multiply(), inputs: [row, randomTensor([3, 6], 8)], shape: [3, 6], mask: "keeps" },
  Average: { layer: () => nn.average(), inputs: [row, randomTensor([3, 6], 8)], shape: [3, 6], mask: "keeps" },
  Maximum: { layer: () => nn.maximum(), inputs: [row, randomTensor([3, 6], 8)], shape: [3, 6], mask: "keeps" },
  Minimum: { layer: () => nn.minimum(), inputs: [row, randomTensor([3, 6], 8)], shape: [3, 6], mask: "keeps" },
  Concatenate: { layer: () => nn.concatenate(), inputs: [row, randomTensor([3, 2], 8)], shape: [3, 8], mask: "keeps" },
  Dot: {
    layer: () => nn.dot([2, 1], { normalize: true }),
    inputs: [sequence, randomTensor([2, 4, 3], 8)],
    shape: [2, 5, 3],
  },
  UpSampling1D: { layer: () => nn.upSampling1d(3), inputs: [sequence], shape: [2, 15, 4] },
  UpSampling2D: { layer: () => nn.upSampling2d([2, 3]), inputs: [picture], shape: [2, 4, 12, 15] },
  UpSampling3D: { layer: () => nn.upSampling3d(), inputs: [volume], shape: [2, 2, 8, 6, 8] },
  ZeroPadding1D: { layer: () => nn.zeroPadding1d([2, 1]), inputs: [sequence], shape: [2, 8, 4] },
  ZeroPadding2D: {
    layer: () =>
      nn.zeroPadding2d([
        [0, 1],
        [2, 0],
      ]),
    inputs: [picture],
    shape: [2, 4, 7, 7],
  },
  ZeroPadding3D: { layer: () => nn.zeroPadding3d([1, 0, 2]), inputs: [volume], shape: [2, 2, 6, 3, 8] },
  Cropping1D: { layer: () => nn.cropping1d([1, 2]), inputs: [sequence], shape: [2, 2, 4] },
  Cropping2D: { layer: () => nn.cropping2d([1, 2]), inputs: [picture], shape: [2, 4, 4, 1] },
  Cropping3D: {
    layer: () =>
      nn.cropping3d([
        [0, 1],
        [1, 0],
        [1, 1],
      ]),
    inputs: [volume],
    shape: [2, 2, 3, 2, 2],
  },
  Rescaling: { layer: () => nn.rescaling(2, { offset: -1 }), inputs: [row], shape: [3, 6], mask: "keeps" },
  Masking: { layer: () => nn.masking(), inputs: [sequence], shape: [2, 5, 4], mask: "keeps" },
  Lambda: { layer: () => nn.lambda((x, g) => g.mul(x, 2)), inputs: [row], shape: [3, 6], noJson: "fn is a function" },
  Bidirectional: {
    layer: () => nn.bidirectional(nn.gru(3, { returnSequences: true })),
    inputs: [sequence],
    shape: [2, 5, 6],
    mask: "usesAndKeeps",
  },
  TimeDistributed: {
    layer: () => nn.timeDistributed(nn.dense(3)),
    inputs: [sequence],
    shape: [2, 5, 3],
    mask: "keeps",
  },
  MultiHeadAttention: {
    layer: () => nn.multiHeadAttention(2, 3, { activityRegularizer: nn.regularizers.l2(0.1) }),
    inputs: [sequence],
    shape: [2, 5, 4],
    mask: "usesAndKeeps",
  },
  TransformerEncoder: {
    layer: () => nn.transformerEncoder(6, 2, { normalizeFirst: true, activation: "gelu" }),
    inputs: [sequence],
    shape: [2, 5, 4],
    mask: "usesAndKeeps",
  },
  PositionEmbedding: { layer: () => nn.positionEmbedding(7), inputs: [sequence], shape: [2, 5, 4], mask: "keeps" },
  SinePositionEncoding: { layer: () => nn.sinePositionEncoding(), inputs: [sequence], shape: [2, 5, 4], mask: "keeps" },
  Sequential: {
    layer() {
      const shared = nn.dense(6);
      return nn.sequential([shared, nn.relu(), shared, nn.dense(2, { name: "last" })], { name: "chain" });
    },
    inputs: [row],
    shape: [3, 2],
    mask: "keeps",
  },
  Model: {
    layer() {
      const [a, b] = [nn.input({ name: "a", shape: [5, 4] }), nn.input({ name: "b", shape: [5, 4] })];
      const shared = nn.lstm(3, { returnState: true });
      const [first, other] = [shared.apply(a), shared.apply(b)];
      const both = nn.concatenate().apply([first.result(2), other]);
      return nn.model({ inputs: [a, b], outputs: { y: nn.dense(2).apply(both), state: first.result(1) } });
    },
    inputs: [sequence, randomTensor([2, 5, 4], 12)],
    shape: [2, 2],
  },
  OnnxNetwork: {
    layer: () =>
      layers.decode({ type: "OnnxNetwork", params: { model: {} } }, { asset: () => file, stage: () => 0 }, "example"),
    inputs: [row],
    shape: [3, 2],
  },
};
