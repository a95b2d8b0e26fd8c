/** @file A convolutional network on Fashion-MNIST: node fashion-mnist.js FOLDER [EPOCHS [ROWS]]. */

import { join } from "node:path";
import { callbacks, MulticlassClassificationEvaluator, NeuralClassifier, nn, optim, Session } from "deepframe";

const [folder = "fashion_mnist", epochs = "8", rows = "60000"] = process.argv.slice(2);
const batchSize = 64;
const steps = Math.ceil(Number(rows) / batchSize) * Number(epochs);
const session = await Session.open();
const read = (part: string) =>
  session.read.idx({
    image: join(folder, `${part}-images-idx3-ubyte.gz`),
    label: join(folder, `${part}-labels-idx1-ubyte.gz`),
  });

const network = nn.sequential([
  nn.input({ shape: [1, 28, 28] }),
  nn.rescaling(1 / 255),
  nn.conv2d(16, 3, { padding: "same", activation: "relu" }),
  nn.maxPooling2d(2),
  nn.conv2d(32, 3, { padding: "same", activation: "relu" }),
  nn.maxPooling2d(2),
  nn.flatten(),
  nn.dense(128, { activation: "relu" }),
  nn.dropout(0.3),
  nn.dense(10),
]);

const classifier = new NeuralClassifier({
  network,
  featuresCol: "image",
  optimizer: optim.adam({ lr: optim.cosineDecay({ lr: 2e-3, decaySteps: steps }) }),
  batchSize,
  epochs: Number(epochs),
  seed: 1,
  callbacks: [callbacks.progressBar()],
});
const model = await classifier.fit(read("train").limit(Number(rows)));

const evaluator = new MulticlassClassificationEvaluator({ metric: "accuracy" });
console.log("accuracy", (await evaluator.evaluate(model.transform(read("t10k")))).toFixed(4));
await session.close();
