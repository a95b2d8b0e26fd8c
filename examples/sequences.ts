/** @file Sequences that need a memory: sums of two marked numbers by an LSTM, reversed words by a Transformer. node sequences.js. */

import { NeuralClassifier, NeuralRegressor, nn, optim, Session } from "deepframe";

const session = await Session.open();
let state = 1;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const below = (end: number) => Math.floor(random() * end);

// The adding problem (Hochreiter and Schmidhuber, 1997): 24 numbers, two of them marked; the answer is the sum of the marked.
const steps = 24;
const sums = Array.from({ length: 6000 }, () => {
  const marked = [below(steps / 2), steps / 2 + below(steps / 2)];
  const series = Array.from({ length: steps }, (_, i) => [random(), Number(marked.includes(i))]);
  return { series: series.flat(), sum: marked.reduce((sum, i) => sum + series[i]![0]!, 0) };
});
const adding = session.createDataFrame(sums, { series: `float[${steps},2]`, sum: "double" });
const [train, test] = adding.randomSplit([0.9, 0.1], { seed: 7 });
const adder = await new NeuralRegressor({
  network: nn.sequential([nn.lstm(32), nn.dense(1)]),
  ...{ featuresCol: "series", labelCol: "sum", metrics: ["r2"] },
  optimizer: optim.adam({ lr: 5e-3, globalClipNorm: 1 }),
  ...{ validation: test, batchSize: 50, epochs: 20, seed: 1 },
}).fit(train);
console.log("LSTM, adding problem: r2", adder.history.at(-1)!.val_r2!.toFixed(4));

// Every place must give the letter of the place that mirrors it.
const [letters, length] = [12, 10];
const words = Array.from({ length: 4000 }, () => {
  const word = Array.from({ length }, () => below(letters));
  return { word, reversed: [...word].reverse() };
});
const spelled = session.createDataFrame(words, { word: `int[${length}]`, reversed: `int[${length}]` });
const reverser = await new NeuralClassifier({
  network: nn.sequential([
    nn.embedding(letters, 32),
    nn.positionEmbedding(length),
    nn.transformerEncoder(64, 2, { normalizeFirst: true }),
    nn.dense(letters),
  ]),
  ...{ featuresCol: "word", labelCol: "reversed" },
  optimizer: optim.adam({ lr: 3e-3 }),
  ...{ validation: 0.1, batchSize: 64, epochs: 12, seed: 1 },
}).fit(spelled);
console.log("Transformer, reversed words: accuracy", reverser.history.at(-1)!.val_accuracy!.toFixed(4));
await session.close();
