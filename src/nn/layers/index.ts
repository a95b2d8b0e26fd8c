/** @file Every layer. */

export { activation, elu, leakyRelu, prelu, relu, softmax, thresholdedRelu } from "./activation.js";
export { batchNormalization } from "./batch-normalization.js";
export { conv1d, conv2d, conv3d } from "./conv.js";
export { conv1dTranspose, conv2dTranspose, conv3dTranspose } from "./conv-transpose.js";
export { dense } from "./dense.js";
export { depthwiseConv1d, depthwiseConv2d, separableConv1d, separableConv2d } from "./depthwise-conv.js";
export { dropout } from "./dropout.js";
export { embedding } from "./embedding.js";
export {
  globalAveragePooling1d,
  globalAveragePooling2d,
  globalAveragePooling3d,
  globalMaxPooling1d,
  globalMaxPooling2d,
  globalMaxPooling3d,
} from "./global-pooling.js";
export { gru } from "./gru.js";
export { groupNormalization, layerNormalization, rmsNormalization } from "./layer-normalization.js";
export { lstm } from "./lstm.js";
export { add, average, concatenate, dot, maximum, minimum, multiply, subtract } from "./merge.js";
export { multiHeadAttention } from "./multi-head-attention.js";
export {
  alphaDropout,
  gaussianDropout,
  gaussianNoise,
  spatialDropout1d,
  spatialDropout2d,
  spatialDropout3d,
} from "./noise.js";
export {
  averagePooling1d,
  averagePooling2d,
  averagePooling3d,
  maxPooling1d,
  maxPooling2d,
  maxPooling3d,
} from "./pooling.js";
export { flatten, permute, repeatVector, reshape } from "./reshape.js";
export {
  cropping1d,
  cropping2d,
  cropping3d,
  upSampling1d,
  upSampling2d,
  upSampling3d,
  zeroPadding1d,
  zeroPadding2d,
  zeroPadding3d,
} from "./resize.js";
export { type LambdaFunction, lambda, masking, rescaling } from "./simple.js";
export { simpleRNN } from "./simple-rnn.js";
export { positionEmbedding, sinePositionEncoding, transformerEncoder } from "./transformer.js";
export { bidirectional, timeDistributed } from "./wrappers.js";
