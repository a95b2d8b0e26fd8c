/** @file What every optimizer and schedule holds, found by discovery; a new one needs cases in test/reference/optimizers.py. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import "../../src/optim/index.js";
import { shapeRules } from "../../src/ops/infer.js";
import { lrAt, type Optimizer, optimizers } from "../../src/optim/optimizer.js";
import { schedules } from "../../src/optim/schedule.js";
import { Tensor } from "../../src/tensor/tensor.js";
import { openOnnx } from "../run-onnx.js";
import { testParameters } from "./kinds.js";

interface Reference {
  readonly kernel: readonly (readonly number[])[];
  readonly bias: readonly number[];
  readonly cases: readonly { readonly type: string; readonly params: object; readonly path: readonly number[][] }[];
  readonly schedules: readonly { readonly type: string; readonly params: object; readonly rates: readonly number[] }[];
}

const path = new URL("../../../test/reference/optimizers.json", import.meta.url);
const reference: Reference = JSON.parse(readFileSync(path, "utf8"));

test("every optimizer and schedule has cases in test/reference/optimizers.py", () => {
  expect(optimizers.types.filter((type) => !reference.cases.some((c) => c.type === type))).toEqual([]);
  expect(schedules.types.filter((type) => !reference.schedules.some((c) => c.type === type))).toEqual([]);
});

describe.each(optimizers.types)("%s", (type) => {
  testParameters(optimizers, type);

  const cases = reference.cases.filter((c) => c.type === type);
  test.each(cases.map((c) => ({ name: JSON.stringify(c.params), c })))(
    "goes PyTorch's (or the paper's) way for 20 steps with $name",
    async ({ c }) => {
      const optimizer = make(type, c.params);
      const steps = await steppers(optimizer);
      let weights = Float32Array.from([...reference.kernel.flat(), ...reference.bias]);
      for (const [i, wanted] of c.path.entries()) {
        const parts = steps.map(({ from, to, step }) => {
          const part = weights.slice(from, to);
          return step(part, gradient(part, from), i + 1);
        });
        weights = Float32Array.from((await Promise.all(parts)).flatMap((part) => [...part]));
        for (const [at, value] of weights.entries()) {
          // float32 against float64, over 20 steps
          expect(Math.abs(value - wanted[at]!), `element ${at} after step ${i + 1}`).toBeLessThan(2e-5);
        }
      }
    },
  );

  test("stays finite without a gradient and with a large one", async () => {
    const step = await stepper(make(type, {}), [4], 1);
    let w = Float32Array.of(0, 1, -1, 1e-3);
    for (const [t, grads] of [
      [0, 0, 0, 0],
      [1e9, -1e9, 0, 1e-30],
      [0, 1e-9, 1, 0],
    ].entries()) {
      w = await step(w, Float32Array.from(grads), t + 1);
      expect([...w].filter((value) => !Number.isFinite(value))).toEqual([]);
    }
  });

  test("leaves weights as they are at a learning rate of 0, as at the first step of a warm-up", async () => {
    const weights = Float32Array.of(1, -2, 0);
    const step = await stepper(make(type, { lr: 0 }), [3], 1);
    expect([...(await step(weights, Float32Array.of(1, -1, 0), 1))]).toEqual([...weights]);
  });

  test("updates joined weights as it does each, where it says so", async () => {
    const optimizer = make(type, {});
    if (optimizer.scope !== "element") return;
    const [joined, ...parts] = await Promise.all([[5], [2], [3]].map((shape) => stepper(optimizer, shape, 1)));
    const [whole, grads] = [Float32Array.of(1, -2, 0.5, 3, 0), Float32Array.of(0.1, 2, -3, 0, 1e-3)];
    const each = [await parts[0]!(whole.slice(0, 2), grads.slice(0, 2), 1)];
    each.push(await parts[1]!(whole.slice(2), grads.slice(2), 1));
    expect([...(await joined!(whole, grads, 1))]).toEqual(each.flatMap((values) => [...values]));
  });
});

describe.each(schedules.types)("%s", (type) => {
  const cases = reference.schedules.filter((c) => c.type === type);
  testParameters(schedules, type, cases[0]?.params);

  test.each(cases.map((c) => ({ name: JSON.stringify(c.params), c })))("gives PyTorch's rates with $name", ({ c }) => {
    const schedule = schedules.decode({ type, params: c.params }, undefined as never, "test");
    for (const [step, wanted] of c.rates.entries()) {
      expect(Math.abs(schedule.at(step) - wanted), `step ${step}`).toBeLessThan(1e-12);
    }
    expect(Number.isFinite(schedule.at(10_000_000))).toBe(true);
  });
});

function make(type: string, params: object): Optimizer {
  return optimizers.decode({ type, params }, undefined as never, "test");
}

/** Of 0.5 * a * (w - c)^2 + 0.1 * cos(3 w), as in optimizers.py. */
function gradient(w: Float32Array, offset: number): Float32Array {
  return w.map((value, at) => {
    const i = at + offset;
    return (1 + 0.5 * i) * (value - Math.sin(i)) - 0.3 * Math.sin(3 * value);
  });
}

/** Updates of kernel and bias: each on its own, or of both together as one vector. */
async function steppers(optimizer: Optimizer) {
  if (optimizer.scope === "all") return [{ from: 0, to: 8, step: await stepper(optimizer, [8], 0) }];
  return [
    { from: 0, to: 6, step: await stepper(optimizer, [3, 2], 1) },
    { from: 6, to: 8, step: await stepper(optimizer, [2], 0) },
  ];
}

/** One weight's updates as a graph that is run step by step; slots are kept. */
async function stepper(optimizer: Optimizer, shape: readonly number[], decay: number) {
  const g = new GraphBuilder({ rules: shapeRules() });
  const input = (name: string, sizes: readonly number[]) => g.input(name, "float32", sizes);
  const slotNames = Object.keys(optimizer.slots);
  const numberNames = Object.keys(optimizer.numbers(1, 0.1));
  const named = (names: readonly string[], sizes: readonly number[]) =>
    Object.fromEntries(names.map((name) => [name, input(name, sizes)]));
  const [weight, grad] = [input("weight", shape), input("grad", shape)];
  const slots = named(slotNames, shape);
  const numbers = { lr: input("lr", []), ...named(numberNames, []) };
  const next = optimizer.update({ g, weight, grad, slots, numbers, decay });
  expect(Object.keys(next.slots).sort()).toEqual([...slotNames].sort());
  const outputs = Object.entries(next.slots).map(([name, value]) => [`next/${name}`, value] as const);
  const run = await openOnnx(g.finish({ "next/weight": next.weight, ...Object.fromEntries(outputs) }));
  const size = shape.reduce((a, b) => a * b, 1);
  const kept = Object.fromEntries(
    Object.entries(optimizer.slots).map(([name, first]) => [name, new Float32Array(size).fill(first)]),
  );
  return async (w: Float32Array, grads: Float32Array, step: number): Promise<Float32Array<ArrayBuffer>> => {
    const lr = lrAt(optimizer, step - 1);
    const scalars = Object.entries({ lr, ...optimizer.numbers(step, lr) });
    const found = await run({
      weight: new Tensor("float32", w, shape),
      grad: new Tensor("float32", grads, shape),
      ...Object.fromEntries(Object.entries(kept).map(([name, data]) => [name, new Tensor("float32", data, shape)])),
      ...Object.fromEntries(scalars.map(([name, value]) => [name, new Tensor("float32", Float32Array.of(value), [])])),
    });
    for (const name of slotNames) kept[name] = Float32Array.from(found[`next/${name}`]!.data as Float32Array);
    return Float32Array.from(found["next/weight"]!.data as Float32Array);
  };
}
