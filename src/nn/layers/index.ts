/** @file Every layer. */

export { activation, elu, leakyRelu, prelu, relu, softmax, thresholdedRelu } from "./activation.js";
export { batchNormalization } from "./batch-normalization.js";
export { conv1d, conv2d, conv3d } from "./conv.js";
export { dense } from "./dense.js";
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
export { lstm } from "./lstm.js";
export {
  averagePooling1d,
  averagePooling2d,
  averagePooling3d,
  maxPooling1d,
  maxPooling2d,
  maxPooling3d,
} from "./pooling.js";
export { flatten, permute, repeatVector, reshape } from "./reshape.js";
export { simpleRNN } from "./simple-rnn.js";
