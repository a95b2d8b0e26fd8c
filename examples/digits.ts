/** @file A dense network on scanned digits of 8 x 8 pixels: node digits.js digits.csv.gz. */

import {
  MulticlassClassificationEvaluator,
  NeuralClassifier,
  nn,
  optim,
  Pipeline,
  Session,
  VectorAssembler,
} from "deepframe";

const pixels = Array.from({ length: 64 }, (_, i) => `p${i}`);
const session = await Session.open();
const digits = session.read.csv(process.argv[2] ?? "digits.csv.gz", { header: false, names: [...pixels, "label"] });
const [train, test] = digits.randomSplit([0.8, 0.2], { seed: 7 });

const model = await new Pipeline([
  new VectorAssembler({ inputCols: pixels, outputCol: "features" }),
  new NeuralClassifier({
    network: nn.sequential([
      nn.rescaling(1 / 16),
      nn.dense(128, { activation: "relu" }),
      nn.dropout(0.2),
      nn.dense(64, { activation: "relu" }),
      nn.dense(10),
    ]),
    optimizer: optim.adam({ lr: 2e-3 }),
    epochs: 30,
    seed: 1,
  }),
]).fit(train);

const accuracy = await new MulticlassClassificationEvaluator({ metric: "accuracy" }).evaluate(model.transform(test));
console.log("accuracy", accuracy.toFixed(4));
await session.close();
