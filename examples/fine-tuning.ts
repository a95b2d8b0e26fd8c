/**
 * @file Fine-tunes MobileNetV2 on a folder of pictures, one folder per class, and judges it by cross-validation:
 * node fine-tuning.js FOLDER mobilenet_v2.onnx [PARTS].
 */

import {
  ImageTransformer,
  MulticlassClassificationEvaluator,
  NeuralClassifier,
  nn,
  optim,
  Pipeline,
  Session,
  StringIndexer,
} from "deepframe";

const [folder = "photos/", file = "mobilenet_v2.onnx", count = "5"] = process.argv.slice(2);
const session = await Session.open();
const photos = session.read.images(folder, { labelFromFolder: "kind" });
const parts = photos.randomSplit(Array(Number(count)).fill(1), { seed: 7 });
const classes = await photos.select("kind").distinct().count();

// the top of the network learns too, far more slowly than the new layer; what lies below runs once per picture
const base = (await nn.fromOnnx(file)).cutAt("features").freeze().unfreeze({ from: "op61_conv_2d" }).rate(0.05);
const pipeline = new Pipeline([
  new StringIndexer({ inputCol: "kind", outputCol: "label" }),
  new ImageTransformer({
    ...{ inputCol: "image", outputCol: "pixels", resize: 256, centerCrop: [224, 224], layout: "NHWC" },
    ...{ mean: [128], std: [128] },
  }),
  new NeuralClassifier({
    network: nn.sequential([base, nn.dropout(0.3), nn.dense(classes)]),
    featuresCol: "pixels",
    optimizer: optim.adam({ lr: 2e-3 }),
    batchSize: 16,
    epochs: 15,
    seed: 1,
  }),
]);

const evaluator = new MulticlassClassificationEvaluator({ metric: "accuracy" });
let right = 0;
for (const test of parts) {
  const others = parts.filter((part) => part !== test).reduce((all, part) => all.union(part));
  const model = await pipeline.fit(others);
  const accuracy = await evaluator.evaluate(model.transform(test));
  console.log("of one part", accuracy.toFixed(3));
  right += accuracy * (await test.count());
}
console.log("accuracy", (right / (await photos.count())).toFixed(4));
await session.close();
