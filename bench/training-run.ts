/** @file Trains one case of the training benchmark with NeuralClassifier; prints rows per second and peak resident bytes. */

import { NeuralClassifier, Session } from "../src/index.js";
import { optimizerOf, trainingCases } from "./training-cases.js";

const given = trainingCases[process.argv[2] ?? ""]!;
const { shape, rows, batchSize, classes, epochs, countsFirst = false } = given;
const size = shape.reduce((a, b) => a * b, 1);
// more numbers than DuckDB's arrays hold are a list
const type = size > 100_000 ? "FLOAT[]" : `FLOAT[${size}]`;
const session = await Session.open();
const df = session
  .sql(
    `SELECT CAST(id % ${classes} AS INT) AS label,
    list_transform(range(${size}), i -> CAST(sin(i * (id + 1)) AS FLOAT))::${type} AS features
  FROM range(${rows}) AS t(id)`,
  )
  .cache();
await df.count();

// epochs as the others' are timed; the frozen part runs before the first, so all from the beginning counts there
let begun = performance.now();
let ended = begun;
const model = await new NeuralClassifier({
  network: await given.network(),
  optimizer: optimizerOf(given),
  ...{ metrics: [], batchSize, epochs: countsFirst ? epochs : epochs + 1, seed: 1 },
  callbacks: [
    {
      name: "Clock",
      onTrainBegin() {
        if (!countsFirst) begun = performance.now();
      },
      onEpochEnd(epoch) {
        ended = performance.now();
        if (epoch === 0 && !countsFirst) begun = ended;
      },
    },
  ],
}).fit(df);
const seconds = (ended - begun) / 1000;
await session.close();
const loss = model.history.at(-1)!.loss;
console.log(
  JSON.stringify({ perSecond: (epochs * rows) / seconds, bytes: process.resourceUsage().maxRSS * 1024, loss }),
);
