/** @file XOR by a perceptron of two layers, with the settings that Spark MLlib's users know: node xor.js. */

import { MultilayerPerceptronClassifier, Session } from "deepframe";

const session = await Session.open();
const xor = session.createDataFrame([
  { features: [0, 0], label: 0 },
  { features: [0, 1], label: 1 },
  { features: [1, 0], label: 1 },
  { features: [1, 1], label: 0 },
]);
const perceptron = new MultilayerPerceptronClassifier({ layers: [2, 5, 2], seed: 123, maxIter: 100 });
const model = await perceptron.fit(xor);
const answers = model.transform(xor);
await answers.show();
console.log("right", await answers.filter("label = prediction").count());
await session.close();
