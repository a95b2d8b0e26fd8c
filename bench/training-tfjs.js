/**
 * @file Trains one case of the training benchmark with TensorFlow.js: node training-tfjs.js FOLDER_OF_PACKAGES CASE BACKEND STEPS.
 * Prints one JSON line. JavaScript, since the packages are no dependency of this one.
 */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const [folder, text, backend, steps] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
console.warn = () => {};
const tf = require("@tensorflow/tfjs");
if (backend === "wasm") {
  const { setWasmPaths } = require("@tensorflow/tfjs-backend-wasm");
  const main = require.resolve("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(`${dirname(main)}/`);
}
await tf.setBackend(backend);

const { id, shape, batchSize, classes, optimizer } = JSON.parse(text);
const { layers } = tf;
const conv = (filters, options = {}) =>
  layers.conv2d({ filters, kernelSize: 3, padding: "same", activation: "relu", ...options });
const inputShape = id === "cnn" ? [28, 28, 1] : shape;
const networks = {
  mlp: () => [
    layers.dense({ units: 256, activation: "relu", inputShape }),
    layers.dense({ units: 128, activation: "relu" }),
  ],
  cnn: () => [
    conv(16, { inputShape }),
    layers.maxPooling2d({ poolSize: 2 }),
    conv(32),
    layers.maxPooling2d({ poolSize: 2 }),
    layers.flatten(),
  ],
  lstm: () => [layers.lstm({ units: 64, returnSequences: true, inputShape }), layers.lstm({ units: 64 })],
};
const model = tf.sequential({ layers: [...networks[id](), layers.dense({ units: classes, activation: "softmax" })] });
const rule = optimizer === "adam" ? tf.train.adam(1e-3) : tf.train.momentum(0.01, 0.9);
model.compile({ optimizer: rule, loss: "sparseCategoricalCrossentropy" });

const batches = (count) => [
  tf.randomUniform([count * batchSize, ...inputShape], -1, 1),
  tf.tensor1d(Array.from({ length: count * batchSize }, (_, i) => i % classes)),
];
const train = ([x, y]) => model.fit(x, y, { epochs: 1, batchSize, shuffle: true, verbose: 0, yieldEvery: "never" });
const count = Number(steps);
await train(batches(1));
const data = batches(count);
const started = performance.now();
await train(data);
const seconds = (performance.now() - started) / 1000;
const bytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ perSecond: (count * batchSize) / seconds, bytes }));
