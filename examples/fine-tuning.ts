/** @file Fine-tunes MobileNetV2 on a folder of pictures, one folder per class: node fine-tuning.js FOLDER mobilenet_v2.onnx. */

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

const [folder = "photos/", file = "mobilenet_v2.onnx"] = process.argv.slice(2);
const session = await Session.open();
const photos = session.read.images(folder, { labelFromFolder: "kind" });
const [train, test] = photos.randomSplit([0.8, 0.2], { seed: 7 });
const classes = await photos.select("kind").distinct().count();

// the top of the network learns too, far more slowly than the new layer; what lies below runs once per picture
const base = (await nn.fromOnnx(file)).cutAt("features").freeze().unfreeze({ from: "op61_conv_2d" }).rate(0.05);
const model = await new Pipeline([
  new StringIndexer({ inputCol: "kind", outputCol: "label" }),
  new ImageTransformer({
    ...{ inputCol: "image", outputCol: "pixels", resize: [224, 224], layout: "NHWC" },
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
]).fit(train);

const evaluator = new MulticlassClassificationEvaluator({ metric: "accuracy" });
console.log("accuracy", (await evaluator.evaluate(model.transform(test))).toFixed(4));
await session.close();
