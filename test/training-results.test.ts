/** @file Training on real problems: the examples, as people run them, and what they must reach. */

import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { sharedData } from "./shared-data.js";

/** Runs an example in a process of its own and gives the last number of each line that begins so. */
async function reached(example: string, lines: readonly string[], ...args: readonly string[]): Promise<number[]> {
  const file = resolve(import.meta.dirname, "../examples", `${example}.js`);
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...args]);
  return lines.map((line) => {
    const found = stdout.split("\n").find((each) => each.startsWith(line));
    expect(found, stdout).toBeDefined();
    return Number(found!.split(" ").at(-1));
  });
}

function testOn(data: string, name: string, body: (path: string) => Promise<void>): void {
  const path = sharedData(data);
  test.skipIf(path === undefined)(path === undefined ? `${name} (no ${data} here)` : name, () => body(path!), 600_000);
}

describe("the examples", () => {
  testOn("fashion_mnist", "a convolutional network learns Fashion-MNIST, here from 8,000 pictures", async (folder) => {
    const [value] = await reached("fashion-mnist", ["accuracy"], folder, "2", "8000");
    expect(value).toBeGreaterThan(0.82);
  });

  testOn("tabular/digits.csv.gz", "a dense network reads 97 of 100 digits", async (file) => {
    const [value] = await reached("digits", ["accuracy"], file);
    expect(value).toBeGreaterThanOrEqual(0.97);
  });

  testOn("tabular/adult.data.gz", "embeddings beside numbers tell incomes apart, AUC 0.92", async (file) => {
    const [value] = await reached("adult", ["AUC"], file, "4");
    expect(value).toBeGreaterThanOrEqual(0.92);
  });

  testOn("tabular/digits.csv.gz", "an autoencoder keeps three quarters of the variance in 8 numbers", async (file) => {
    const [value] = await reached("autoencoder", ["variance explained"], file);
    expect(value).toBeGreaterThan(0.75);
  });

  testOn("flowers", "the top of MobileNetV2 learns flowers from 160 photos", async (folder) => {
    const file = sharedData("models/mobilenet_v2_1.0_224.onnx")!;
    // each photo is judged by a network that never saw it: 0.89
    const [value] = await reached("fine-tuning", ["accuracy"], folder, file);
    expect(value).toBeGreaterThanOrEqual(0.86);
  });

  testOn(
    "minilm",
    "a head on MiniLM, and its last layer, know intents in other words than the learned",
    async (folder) => {
      const files = [`${folder}/all-MiniLM-L6-v2-int8.onnx`, `${folder}/tokenizer.json`];
      // 120 sentences in 20 wordings judge it; 0.992 and 1 were reached
      const [head, more] = await reached(
        "sentences",
        ["head alone: accuracy", "and the last layer: accuracy"],
        ...files,
      );
      expect(head).toBeGreaterThan(0.96);
      expect(more).toBeGreaterThan(0.96);
    },
  );

  test("an LSTM adds marked numbers, and a Transformer reverses words", async () => {
    const [lstm, transformer] = await reached("sequences", ["LSTM", "Transformer"]);
    expect(lstm).toBeGreaterThan(0.95);
    expect(transformer).toBeGreaterThan(0.95);
  }, 600_000);

  test("a perceptron learns XOR", async () => {
    const [value] = await reached("xor", ["right"]);
    expect(value).toBe(4);
  }, 600_000);
});
