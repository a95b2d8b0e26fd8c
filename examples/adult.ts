/** @file Who earns more than 50,000 dollars: embeddings of categories beside numbers. node adult.js adult.data.gz [EPOCHS]. */

import {
  BinaryClassificationEvaluator,
  NeuralClassifier,
  nn,
  optim,
  Pipeline,
  Session,
  StandardScaler,
  StringIndexer,
  VectorAssembler,
} from "deepframe";

/** Categories, and the size of each one's vectors. Gains and losses are often the same few sums, so they are categories too. */
const categories = {
  ...{ workclass: 4, education: 4, marital: 4, occupation: 6, relationship: 3, race: 2, sex: 1, country: 4 },
  ...{ gain: 4, loss: 4 },
};
const numbers = ["age", "educationYears", "hours", "logGain", "logLoss"];
const names = [
  ...["age", "workclass", "weight", "education", "educationYears", "marital", "occupation"],
  ...["relationship", "race", "sex", "gain", "loss", "hours", "country", "income"],
];

const [file = "adult.data.gz", epochs = "8"] = process.argv.slice(2);
const session = await Session.open();
const people = session.read
  .csv(file, { header: false, delimiter: ", ", names })
  .withColumn("logGain", "ln(1 + gain)")
  .withColumn("logLoss", "ln(1 + loss)")
  .withColumn("label", "CAST(income = '>50K' AS INT)");
const [train, test] = people.randomSplit([0.8, 0.2], { seed: 7 });

const columns = Object.keys(categories);
const indexed = Object.fromEntries(columns.map((name) => [name, `${name}Index`]));
const inputs = columns.map((name) => nn.input({ name, dtype: "int64" }));
const measured = nn.input({ name: "numbers" });
// one more than there are: StringIndexer keeps what it has not seen as a category of its own
const vectors = Object.values(categories).map((size, i) =>
  nn.flatten().apply(nn.embedding(130, size).apply(inputs[i]!)),
);
const joined = nn.concatenate().apply([...vectors, measured]);
const hidden = nn.dropout(0.3).apply(nn.dense(64, { activation: "relu" }).apply(joined));
const network = nn.model({
  inputs: [...inputs, measured],
  outputs: nn.dense(1).apply(nn.dense(32, { activation: "relu" }).apply(hidden)),
});

const model = await new Pipeline([
  new StringIndexer({ inputCols: columns, outputCols: Object.values(indexed), handleInvalid: "keep" }),
  new VectorAssembler({ inputCols: numbers, outputCol: "raw" }),
  new StandardScaler({ inputCol: "raw", outputCol: "numbers", withMean: true }),
  new NeuralClassifier({
    network,
    featuresCols: { ...indexed, numbers: "numbers" },
    loss: "binaryCrossEntropy",
    metrics: ["accuracy", "auc"],
    optimizer: optim.adam({ lr: 1e-3 }),
    validation: 0.1,
    batchSize: 64,
    epochs: Number(epochs),
    seed: 1,
  }),
]).fit(train);

const auc = await new BinaryClassificationEvaluator().evaluate(model.transform(test));
console.log("AUC", auc.toFixed(4));
const { probability } = await model.predictOne((await test.first())!);
console.log("probability of more than 50K", (probability as number[])[1]);
await session.close();
