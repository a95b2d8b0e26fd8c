/** @file What is a sentence about? A head on all-MiniLM, then its last layer too: node sentences.js all-MiniLM-L6-v2.onnx tokenizer.json. */

import {
  MulticlassClassificationEvaluator,
  NeuralClassifier,
  nn,
  optim,
  Pipeline,
  Session,
  StringIndexer,
  sentenceGraph,
  TextTokenizer,
} from "deepframe";

const [file = "all-MiniLM-L6-v2.onnx", words = "tokenizer.json"] = process.argv.slice(2);

// Wordings with a gap, and what may stand in it. Two wordings of each intent are learned, the others are for the test.
const intents: Record<string, { learned: string[]; others: string[]; things: string[] }> = {
  weather: {
    learned: ["will it rain in _", "how hot is it in _ now"],
    others: [
      "is there snow near _",
      "tell me the forecast for _",
      "do I need an umbrella in _",
      "is a storm coming to _",
    ],
    things: ["Paris", "Berlin", "the mountains", "Lisbon", "Osaka", "my town"],
  },
  money: {
    learned: ["how much is on my _", "move fifty euros to my _"],
    others: ["what are the fees of my _", "close my _", "pay a bill from my _", "why was I charged twice on my _"],
    things: ["savings account", "credit card", "bank account", "debit card", "checking account", "deposit"],
  },
  music: {
    learned: ["play some _", "turn up the _"],
    others: ["who sings this _", "put the _ on repeat", "I would love to listen to _", "add _ to my playlist"],
    things: ["jazz", "piano song", "rock album", "Mozart", "guitar solo", "pop hits"],
  },
  travel: {
    learned: ["book a flight to _", "find a hotel in _"],
    others: [
      "when does the train to _ leave",
      "I lost my ticket to _",
      "is there a bus to _",
      "do I need a visa for _",
    ],
    things: ["Paris", "Berlin", "the mountains", "Lisbon", "Osaka", "the coast"],
  },
  cooking: {
    learned: ["how long do I boil _", "give me a recipe for _"],
    others: [
      "which spices go with _",
      "can I freeze _",
      "what should I serve beside _",
      "how do I keep _ from burning",
    ],
    things: ["potatoes", "rice", "a chicken", "lentil soup", "pumpkin", "fish"],
  },
};
const sentencesOf = (wordings: string[], things: string[], intent: string) =>
  wordings.flatMap((wording) => things.map((thing) => ({ text: wording.replace("_", thing), intent })));
const all = Object.entries(intents);

const session = await Session.open();
const train = session.createDataFrame(all.flatMap(([name, each]) => sentencesOf(each.learned, each.things, name)));
const test = session.createDataFrame(all.flatMap(([name, each]) => sentencesOf(each.others, each.things, name)));
const evaluator = new MulticlassClassificationEvaluator({ metric: "accuracy" });
const body = (await nn.fromOnnx(await sentenceGraph(file))).freeze();

for (const [name, base] of [
  ["head alone", body],
  ["and the last layer", body.unfreeze({ from: "layer_norm_10" }).rate(0.05)],
] as const) {
  const started = performance.now();
  const model = await new Pipeline([
    new StringIndexer({ inputCol: "intent", outputCol: "label" }),
    await TextTokenizer.load(words, { inputCol: "text", maxLength: 16 }),
    new NeuralClassifier({
      network: nn.sequential([base, nn.dense(all.length)]),
      featuresCols: Object.fromEntries(base.inputs.map(({ name }) => [name, name])), // columns are named as the inputs are
      optimizer: optim.adam({ lr: 1e-2 }),
      ...{ batchSize: 16, epochs: 15, seed: 1 },
    }),
  ]).fit(train);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const { prediction } = await model.predictOne({
    text: "could you warn me before a thunderstorm?",
    intent: "weather",
  });
  console.log(`${name}: ${seconds} s, a new sentence is of class ${prediction}`);
  console.log(`${name}: accuracy`, (await evaluator.evaluate(model.transform(test))).toFixed(4));
}
await session.close();
