/** @file The namespace `nn`: layers, networks, and what they are made of. */

export * as activations from "./activations.js";
export * as initializers from "./initializers.js";
export { type BuildContext, type Connection, defineLayer, type Layer, type NetworkInput } from "./layer.js";
export * from "./layers/index.js";
export * as losses from "./losses/index.js";
export * as metrics from "./metrics/index.js";
export { input, model, type Network, type NetworkOptions, sequential } from "./network.js";
export { type FromOnnxOptions, fromOnnx, OnnxNetwork } from "./onnx.js";
export * as regularizers from "./regularizers.js";
