/** @file The golden top five of test pictures, with the networks that made them. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ImageFeaturizer } from "../src/stages/image/image-featurizer.js";
import { ImagePredictor } from "../src/stages/image/image-predictor.js";
import { findModel, type ImageModel } from "../src/stages/image/models.js";
import { sharedData } from "./shared-data.js";

interface Golden {
  top5: { label: string; output_index: number; p: number }[];
  features_norm: number;
}

const file = sharedData("models/expected_topk.json");
const golden =
  file === undefined ? {} : (JSON.parse(readFileSync(file, "utf8")) as Record<string, Record<string, Golden>>);
const mobile = (name: string, size: number, length: number): ImageModel => {
  const labels = (findModel("efficientnet-lite0", "test") as ImageModel).labels!;
  return {
    name,
    model: sharedData(`models/${name}.onnx`) ?? "",
    size: [size, size],
    layout: "NHWC",
    mean: [128],
    std: [128],
    features: { tensor: "features", length },
    scores: { tensor: "probabilities", softmax: false },
    labels: [{ class: "background", description: "background" }, ...labels],
  };
};

describe.skipIf(file === undefined).each([
  ["efficientnet-lite0", () => "efficientnet-lite0"],
  ["mobilenet_v2_1.0_224", () => mobile("mobilenet_v2_1.0_224", 224, 1280)],
  ["mobilenet_v1_0.25_128", () => mobile("mobilenet_v1_0.25_128", 128, 256)],
] as [string, () => ImageModel | string][])("%s", (name, model) => {
  const pictures = Object.entries(golden[name] ?? {}).map(([path, expected]) => ({
    path,
    image: readFileSync(sharedData(path)!),
    expected,
  }));
  const rows = pictures.map(({ path, image }) => ({ path, image }));

  test("sees the golden top five", async () => {
    const predictor = new ImagePredictor({ inputCol: "image", outputCol: "seen", model: model() });
    const answers = await predictor.predictMany(rows);
    for (const [i, { path, expected }] of pictures.entries()) {
      const seen = answers[i]!.seen as { class: string; probability: number }[];
      // Pillow 13, which made them, resizes tall pictures in another order: at most a grey level apart, but near ties turn
      const turns = seen.slice(1).filter((label, k) => seen[k]!.probability - label.probability < 0.002);
      const classes = seen.map((label) => label.class);
      const wanted = expected.top5.map(({ label }) => label);
      if (turns.length > 0) expect([path, classes.toSorted()]).toEqual([path, wanted.toSorted()]);
      else expect([path, classes]).toEqual([path, wanted]);
      for (const { label, p } of expected.top5) {
        const found = seen.find((each) => each.class === label)!.probability;
        expect(Math.abs(found - p)).toBeLessThan(0.02);
      }
    }
  });

  test("gives features of the golden length", async () => {
    const featurizer = new ImageFeaturizer({ inputCol: "image", outputCol: "features", model: model() });
    const answers = await featurizer.predictMany(rows);
    for (const [i, { expected }] of pictures.entries()) {
      const norm = Math.hypot(...(answers[i]!.features as number[]));
      expect(Math.abs(norm / expected.features_norm - 1)).toBeLessThan(0.02);
    }
  });
});
