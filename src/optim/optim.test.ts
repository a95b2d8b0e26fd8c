import { describe, expect, test } from "vitest";
import { runOnnx } from "../../test/run-onnx.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { shapeRules } from "../ops/infer.js";
import { Tensor } from "../tensor/tensor.js";
import { type Clipping, clipGradients } from "./clip.js";
import * as optim from "./index.js";
import { lrAt } from "./optimizer.js";

async function clipped(clipping: Clipping, grads: readonly number[][]): Promise<number[][]> {
  const g = new GraphBuilder({ rules: shapeRules() });
  const inputs = grads.map((values, i) => g.input(`g${i}`, "float32", [1, values.length]));
  const outputs = clipGradients(g, inputs, clipping).map((value, i) => [`y${i}`, value] as const);
  const found = await runOnnx(
    g.finish(Object.fromEntries(outputs)),
    Object.fromEntries(
      grads.map((values, i) => [`g${i}`, new Tensor("float32", Float32Array.from(values), [1, values.length])]),
    ),
  );
  return grads.map((_, i) => found[`y${i}`]!.toNumbers().map((value) => Number(value.toFixed(5))));
}

test("L-BFGS refuses what does not go with it", () => {
  expect(() => optim.lbfgs({ weightDecay: 0.1 })).toThrow(
    "LBFGS: it does not go with weightDecay; give layers a kernelRegularizer, which is part of the loss",
  );
  expect(() => optim.lbfgs({ globalClipNorm: 1 })).toThrow(
    "LBFGS: it does not go with globalClipNorm; clipped gradients do not tell the curvature; take a smaller lr",
  );
});

describe("clipGradients", () => {
  const grads = [[3, -4], [0.6], [0, 0]];

  test("cuts elements, scales each norm, or the norm of all", async () => {
    expect(await clipped({}, grads)).toEqual(grads);
    expect(await clipped({ clipValue: 1 }, grads)).toEqual([[1, -1], [0.6], [0, 0]]);
    expect(await clipped({ clipNorm: 1 }, grads)).toEqual([[0.6, -0.8], [0.6], [0, 0]]);
    const norm = Math.hypot(3, 4, 0.6);
    expect(await clipped({ globalClipNorm: 1 }, grads)).toEqual(
      grads.map((values) => values.map((value) => Number((value / norm).toFixed(5)) + 0)),
    );
    expect(await clipped({ globalClipNorm: 10 }, grads)).toEqual(grads);
  });

  test("cuts elements before it takes the norm", async () => {
    expect(await clipped({ clipValue: 3, clipNorm: 3 }, [[3, -4]])).toEqual([[2.12132, -2.12132]]);
  });
});

describe("optimizers and schedules", () => {
  test("take a schedule for their learning rate", () => {
    const optimizer = optim.adamW({ lr: optim.warmup({ steps: 4, lr: optim.stepDecay({ lr: 1, stepSize: 2 }) }) });
    expect(Array.from({ length: 8 }, (_, step) => lrAt(optimizer, step))).toEqual([0, 0.25, 0.5, 0.75, 1, 1, 0.1, 0.1]);
    expect(optimizer.params.weightDecay).toBe(0.01);
  });

  test("refuse settings that exclude each other", () => {
    expect(() => optim.sgd({ nesterov: true })).toThrow(
      "SGD: nesterov needs momentum; set momentum, to 0.9 for instance",
    );
    expect(() => optim.adam({ clipNorm: 1, globalClipNorm: 1 })).toThrow(
      "Adam: clipNorm and globalClipNorm exclude each other; give one of them",
    );
    expect(() => optim.piecewiseConstantDecay({ boundaries: [5], values: [1] })).toThrow(
      "PiecewiseConstantDecay: values must be one more than boundaries, so 2, got 1",
    );
    expect(() => optim.piecewiseConstantDecay({ boundaries: [5, 5], values: [1, 2, 3] })).toThrow(
      "PiecewiseConstantDecay: boundaries must rise, got 5, 5",
    );
    expect(() => optim.adam({ lr: -1 })).toThrow(
      "Adam: lr must be a number of at least 0 or a schedule such as optim.cosineDecay({ ... }), got -1",
    );
  });
});
