/** @file Transfer learning on a folder of pictures: node transfer-learning.js FOLDER (one folder per class). */

import { readFile } from "node:fs/promises";
import {
  ImageFeaturizer,
  LogisticRegression,
  load,
  MulticlassClassificationEvaluator,
  Pipeline,
  Session,
  StringIndexer,
} from "deepframe";

const session = await Session.open();
const photos = session.read.images(process.argv[2] ?? "photos/", { labelFromFolder: "label" });
const [train, test] = photos.randomSplit([0.8, 0.2], { seed: 7 });

const model = await new Pipeline([
  new StringIndexer({ inputCol: "label", outputCol: "labelIndex" }),
  new ImageFeaturizer({ inputCol: "image", outputCol: "features", model: "efficientnet-lite0" }),
  new LogisticRegression({ featuresCol: "features", labelCol: "labelIndex" }),
]).fit(train);

const evaluator = new MulticlassClassificationEvaluator({ labelCol: "labelIndex", metric: "accuracy" });
console.log("accuracy", await evaluator.evaluate(model.transform(test)));
await model.save("photos.model", { overwrite: true });

const again = await load("photos.model");
const one = await test.select("path").first();
const answer = await again.predictOne({ image: new Uint8Array(await readFile(String(one?.path))) });
console.log(one?.path, answer.prediction, answer.probability);
await session.close();
