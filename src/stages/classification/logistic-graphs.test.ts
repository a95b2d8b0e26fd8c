/** @file Tests of the graphs of logistic regression against the formulas. */

import { describe, expect, test } from "vitest";
import { openOnnx, randomNumbers, runOnnx } from "../../../test/run-onnx.js";
import { Tensor } from "../../tensor/tensor.js";
import type { FeatureType } from "../objective/block.js";
import { lossGraph, predictionGraph } from "./logistic-graphs.js";

const rows = 7;
const features = 3;

function doubles(shape: readonly number[], seed: number): Tensor<"float64"> {
  const random = randomNumbers(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return new Tensor(
    "float64",
    Float64Array.from({ length: size }, () => 4 * random() - 2),
    shape,
  );
}

function feeds(outputs: number, classes: number, dtype: FeatureType) {
  const x = doubles([rows, features], 1).data.map(Math.fround);
  return {
    features: dtype === "float64" ? new Tensor("float64", x, [rows, features]) : float32(x),
    label: new Tensor(
      "float64",
      Float64Array.from({ length: rows }, (_, i) => i % classes),
      [rows, 1],
    ),
    weight: new Tensor(
      "float64",
      Float64Array.from({ length: rows }, (_, i) => 0.5 * i),
      [rows, 1],
    ),
    coefficients: doubles([outputs, features], 2),
    intercepts: doubles([outputs], 3),
  };
}

function float32(values: Float64Array): Tensor {
  return new Tensor("float32", Float32Array.from(values), [rows, features]);
}

describe.each([
  { name: "two classes with one margin", outputs: 1, classes: 2 },
  { name: "two classes with two", outputs: 2, classes: 2 },
  { name: "five classes", outputs: 5, classes: 5 },
])("the loss graph of $name", ({ outputs, classes }) => {
  test.each(["float32", "float64"] as const)("gives the cross entropy of %s features", async (dtype) => {
    const given = feeds(outputs, classes, dtype);
    const { loss } = await runOnnx(lossGraph({ features, classes, outputs }, dtype), given);
    let expected = 0;
    for (let i = 0; i < rows; i++) {
      const margins = Array.from({ length: outputs }, (_, k) => {
        let margin = given.intercepts.data[k]!;
        for (let j = 0; j < features; j++) {
          margin += given.coefficients.data[k * features + j]! * Number(given.features.data[i * features + j]);
        }
        return margin;
      });
      const logits = outputs === 1 ? [0, ...margins] : margins;
      const total = logits.reduce((sum, z) => sum + Math.exp(z), 0);
      expected -= given.weight.data[i]! * Math.log(Math.exp(logits[i % classes]!) / total);
    }
    // double arithmetic over 7 rows
    expect(Number(loss!.data[0])).toBeCloseTo(expected, 10);
  });

  test("gives the gradient that differences of the loss give", async () => {
    const given = feeds(outputs, classes, "float64");
    const run = await openOnnx(lossGraph({ features, classes, outputs }, "float64"));
    const exact = await run(given);
    for (const name of ["coefficients", "intercepts"] as const) {
      for (let i = 0; i < given[name].size; i++) {
        const at = async (change: number) => {
          const data = given[name].data.slice();
          data[i]! += change;
          const { loss } = await run({ ...given, [name]: new Tensor("float64", data, given[name].shape) });
          return Number(loss!.data[0]);
        };
        const slope = ((await at(1e-5)) - (await at(-1e-5))) / 2e-5;
        // central differences of a double: about 1e-9
        expect(Number(exact[`grad/${name}`]!.data[i])).toBeCloseTo(slope, 7);
      }
    }
  });

  test("stays finite for margins of a million", async () => {
    const given = feeds(outputs, classes, "float64");
    const coefficients = new Tensor(
      "float64",
      given.coefficients.data.map((x) => 1e6 * x),
      [outputs, features],
    );
    const results = await runOnnx(lossGraph({ features, classes, outputs }, "float64"), { ...given, coefficients });
    for (const { data } of Object.values(results)) expect([...data].every(Number.isFinite)).toBe(true);
  });
});

describe("the prediction graph", () => {
  const x = new Tensor("float64", Float64Array.of(1, 0, 0, 1, -3, 2), [3, 2]);

  test("of one margin gives both classes' numbers and compares with the threshold", async () => {
    const coefficients = new Tensor("float64", Float64Array.of(1, -1), [1, 2]);
    const intercepts = Tensor.zeros("float64", [1]);
    const run = async (threshold: number, thresholds?: number[]) =>
      runOnnx(predictionGraph({ coefficients, intercepts, threshold, thresholds }, "float64"), { features: x });
    const { rawPrediction, probability, prediction } = await run(0.5);
    expect(rawPrediction!.toNumbers()).toEqual([-1, 1, 1, -1, 5, -5]);
    const p = (margin: number) => 1 / (1 + Math.exp(-margin));
    [p(-1), p(1), p(1), p(-1), p(5), p(-5)].forEach((expected, i) => {
      expect(Number(probability!.data[i])).toBeCloseTo(expected, 14);
    });
    expect(prediction!.toNumbers()).toEqual([1, 0, 0]);
    expect(prediction!.shape).toEqual([3]);
    expect((await run(0.1)).prediction!.toNumbers()).toEqual([1, 1, 0]);
    expect((await run(0)).prediction!.toNumbers()).toEqual([1, 1, 1]);
    expect((await run(1)).prediction!.toNumbers()).toEqual([0, 0, 0]);
    expect((await run(0.5, [0.9, 0.1])).prediction!.toNumbers()).toEqual([1, 1, 0]);
  });

  test("of several margins takes the largest probability, or the largest ratio to its threshold", async () => {
    const coefficients = new Tensor("float64", Float64Array.of(1, 0, 0, 1, 0, 0), [3, 2]);
    const intercepts = Tensor.zeros("float64", [3]);
    const run = async (thresholds?: number[]) =>
      runOnnx(predictionGraph({ coefficients, intercepts, threshold: 0.5, thresholds }, "float64"), { features: x });
    const { rawPrediction, prediction } = await run();
    expect(rawPrediction!.toNumbers()).toEqual([1, 0, 0, 0, 1, 0, -3, 2, 0]);
    expect(prediction!.toNumbers()).toEqual([0, 1, 1]);
    expect((await run([0.9, 0.9, 0.1])).prediction!.toNumbers()).toEqual([2, 2, 2]);
    expect((await run([0, 1, 1])).prediction!.toNumbers()).toEqual([0, 0, 0]);
  });
});
