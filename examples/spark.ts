/** @file Transfer learning on a Spark cluster: transfer-learning.ts with one string changed. node spark.js FOLDER [URL] */

import {
  ImageFeaturizer,
  LogisticRegression,
  MulticlassClassificationEvaluator,
  Pipeline,
  Session,
  StringIndexer,
} from "deepframe";

const session = await Session.open(process.argv[3] ?? "sc://localhost:15002");
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
await session.close();
