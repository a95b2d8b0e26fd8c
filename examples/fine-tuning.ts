/**
 * @file Fine-tunes MobileNetV2 on a folder of pictures, one folder per class, and judges it by cross-validation:
 * node fine-tuning.js FOLDER mobilenet_v2.onnx [PARTS].
 */

import {
  type DataFrame,
  ImageTransformer,
  MulticlassClassificationEvaluator,
  NeuralClassifier,
  nn,
  optim,
  Session,
  StringIndexer,
} from "deepframe";

const [folder = "photos/", file = "mobilenet_v2.onnx", count = "5"] = process.argv.slice(2);
const session = await Session.open();
const photos = session.read.images(folder, { labelFromFolder: "kind" });
const parts = photos.randomSplit(Array(Number(count)).fill(1), { seed: 7 });
const kinds = await new StringIndexer({ inputCol: "kind", outputCol: "label" }).fit(photos.select("kind"));

const ready = { inputCol: "image", outputCol: "pixels", resize: 256, layout: "NHWC", mean: [128], std: [128] } as const;
const middle = new ImageTransformer({ ...ready, centerCrop: [224, 224] });
// each photo is learned from three times: as it will be judged, and twice from another place, some of them mirrored
const views = [
  middle,
  ...[1, 2].map((seed) => new ImageTransformer({ ...ready, randomCrop: [224, 224], flip: true, seed })),
];

// the top of the network learns too, far more slowly than the new layer; what lies below runs once per picture
const base = (await nn.fromOnnx(file)).cutAt("features").freeze().unfreeze({ from: "op61_conv_2d" }).rate(0.05);
const classifier = new NeuralClassifier({
  network: nn.sequential([base, nn.dropout(0.3), nn.dense(kinds.labels.length)]),
  featuresCol: "pixels",
  optimizer: optim.adam({ lr: 2e-3 }),
  batchSize: 16,
  epochs: 8,
  seed: 1,
});

const evaluator = new MulticlassClassificationEvaluator({ metric: "accuracy" });
let right = 0;
for (const test of parts) {
  const others = kinds.transform(union(parts.filter((part) => part !== test)));
  const model = await classifier.fit(union(views.map((view) => view.transform(others))));
  const accuracy = await evaluator.evaluate(model.transform(middle.transform(kinds.transform(test))));
  console.log("of one part", accuracy.toFixed(3));
  right += accuracy * (await test.count());
}
console.log("accuracy", (right / (await photos.count())).toFixed(4));
await session.close();

function union(frames: readonly DataFrame[]): DataFrame {
  return frames.reduce((all, frame) => all.union(frame));
}
