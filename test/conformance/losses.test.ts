/** @file What every loss holds, found by discovery; a new loss needs cases in test/reference/losses.py and nothing here. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.js";
import type { Graph } from "../../src/graph/graph.js";
import type { Dim } from "../../src/graph/types.js";
import "../../src/nn/losses/index.js";
import { losses } from "../../src/nn/losses/loss.js";
import { trace } from "../../src/ops/trace.js";
import type { DType } from "../../src/tensor/dtype.js";
import { Tensor } from "../../src/tensor/tensor.js";
import { openOnnx, runOnnx } from "../run-onnx.js";
import { testParameters } from "./kinds.js";
import { type Nested, shapeOf, tensorOf } from "./nested.js";

interface Case {
  readonly type: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly prediction: Nested;
  readonly target: Nested;
  readonly mask: Nested | null;
  readonly loss: readonly number[];
  readonly grad: readonly number[];
}

const path = new URL("../../../test/reference/losses.json", import.meta.url);
const cases: readonly Case[] = JSON.parse(readFileSync(path, "utf8")).cases;

test("every loss has cases with PyTorch's values in test/reference/losses.py", () => {
  expect(losses.types.filter((type) => !cases.some((c) => c.type === type))).toEqual([]);
});

describe.each(losses.types)("%s", (type) => {
  testParameters(losses, type);

  describe.each(cases.filter((c) => c.type === type).map((c) => ({ name: label(c), c })))("$name", ({ c }) => {
    test("gives PyTorch's values and gradients, in fixed and in named batch sizes", async () => {
      const feeds = feedsOf(c, "float64");
      const graph = lossGraph(c, "float64");
      const found = await runOnnx(gradient(graph, { of: "loss", wrt: ["prediction"] }), feeds);
      expectNear(found.rows!.toNumbers(), c.loss, 1e-8);
      expectNear(found["grad/prediction"]!.toNumbers(), c.grad, 1e-8);
      const open = lossGraph(c, "float32", "batch");
      const again = await runOnnx(gradient(open, { of: "loss", wrt: ["prediction"] }), feedsOf(c, "float32"));
      expectNear(again.rows!.toNumbers(), c.loss, 1e-5);
      expectNear(again["grad/prediction"]!.toNumbers(), c.grad, 2e-5);
    });

    test("has a gradient that equals central differences", async () => {
      const feeds = feedsOf(c, "float64");
      const forward = await openOnnx(lossGraph(c, "float64").cutAt(["loss"]));
      const { data, shape } = feeds.prediction!;
      const differences: number[] = [];
      for (let i = 0; i < data.length; i++) {
        const at = async (shift: number) => {
          const moved = Float64Array.from(data as Float64Array);
          moved[i] = moved[i]! + shift;
          return Number((await forward({ ...feeds, prediction: new Tensor("float64", moved, shape) })).loss!.data[0]);
        };
        differences.push(((await at(1e-5)) - (await at(-1e-5))) / 2e-5);
      }
      // the log-sum over some thousand of 1e30 costs CTC nothing else
      expectNear(c.grad, differences, 1e-6);
    });

    test("stays finite for extreme predictions", async () => {
      const given = feedsOf(c, "float32");
      const values = [...(given.prediction!.data as Float32Array)];
      const isPositive = values.every((value) => value > 0);
      const isProbability = isPositive && values.every((value) => value <= 1);
      const patterns = isProbability
        ? [[0], [1], [0, 1], [1, 0, 0]]
        : isPositive
          ? [[0], [1e4], [0, 1e4, 1]]
          : [[0], [400], [-400], [400, -400, 0], [-1e4, 1e4]];
      const run = await openOnnx(gradient(lossGraph(c, "float32"), { of: "loss", wrt: ["prediction"] }));
      for (const pattern of patterns) {
        const data = Float32Array.from(values, (_, i) => pattern[i % pattern.length]!);
        const found = await run({ ...given, prediction: new Tensor("float32", data, given.prediction!.shape) });
        for (const name of ["rows", "grad/prediction"]) {
          expect(
            found[name]!.toNumbers().filter((value) => !Number.isFinite(value)),
            `${name} at ${pattern}`,
          ).toEqual([]);
        }
      }
    });
  });
});

function label({ params, target, mask }: Case): string {
  const given = Object.keys(params).length === 0 ? "with defaults" : JSON.stringify(params);
  return `${given}, targets of ${shapeOf(target).join(" x ")}${mask === null ? "" : ", with a mask"}`;
}

/** `rows`, the loss of each row, and `loss`, a weighted sum of them. */
function lossGraph(c: Case, float: "float32" | "float64", batch?: Dim): Graph {
  const loss = losses.decode({ type: c.type, params: c.params }, undefined as never, "test");
  const sized = (value: Nested): Dim[] =>
    shapeOf(value).map((size, i) => (i === 0 && batch !== undefined ? batch : size));
  const rowWeights = Float64Array.from(c.loss, (_, i) => 1 + 0.5 * (i % 3));
  return trace(
    ({ prediction, target, ...rest }, g) => {
      const mask = "mask" in rest ? rest.mask : undefined;
      const rows = loss.perRow({ g, prediction: prediction!, target: target!, mask });
      const weights = g.constant(new Tensor("float64", rowWeights, [rowWeights.length])).cast(float);
      return { rows, loss: rows.mul(weights).reduceSum() };
    },
    {
      prediction: { dtype: float, shape: sized(c.prediction) },
      target: { dtype: loss.target === "classes" ? "int64" : float, shape: sized(c.target) },
      ...(c.mask === null ? {} : { mask: { dtype: "bool", shape: sized(c.mask) } }),
    } as Record<string, { dtype: DType; shape: Dim[] }>,
  );
}

function feedsOf(c: Case, float: "float32" | "float64"): Record<string, Tensor> {
  const isClasses = losses.decode({ type: c.type, params: c.params }, undefined as never, "test").target === "classes";
  return {
    prediction: tensorOf(c.prediction, float),
    target: tensorOf(c.target, isClasses ? "int64" : float),
    ...(c.mask === null ? {} : { mask: tensorOf(c.mask, "bool") }),
  };
}

function expectNear(found: readonly number[], wanted: readonly number[], tolerance: number): void {
  expect(found.length).toBe(wanted.length);
  const off = wanted.flatMap((value, i) =>
    Math.abs(found[i]! - value) <= tolerance * (1 + Math.abs(value)) ? [] : [{ i, found: found[i], wanted: value }],
  );
  expect(off).toEqual([]);
}
