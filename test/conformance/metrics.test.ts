/** @file What every metric of training holds, found by discovery; a new one needs cases in test/reference/batch_metrics.py. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.js";
import { metrics } from "../../src/nn/metrics/batch-metric.js";
import "../../src/nn/metrics/index.js";
import { trace } from "../../src/ops/trace.js";
import { Tensor } from "../../src/tensor/tensor.js";
import { runOnnx } from "../run-onnx.js";
import { testParameters } from "./kinds.js";
import { type Nested, shapeOf, tensorOf } from "./nested.js";

interface Case {
  readonly type: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly targetIs: "classes" | "values";
  readonly softmax: boolean;
  readonly prediction: readonly Nested[];
  readonly target: readonly Nested[];
  readonly weight: readonly number[];
  readonly mask: readonly Nested[] | null;
  readonly value: number;
}

const path = new URL("../../../test/reference/batch-metrics.json", import.meta.url);
const cases: readonly Case[] = JSON.parse(readFileSync(path, "utf8")).cases;

test("every metric has cases with scikit-learn's values in test/reference/batch_metrics.py", () => {
  expect(metrics.types.filter((type) => !cases.some((c) => c.type === type))).toEqual([]);
});

describe.each(metrics.types)("%s", (type) => {
  testParameters(metrics, type);
  const own = cases.filter((c) => c.type === type);

  test.each(own.map((c, i) => ({ name: `${i + 1}: ${JSON.stringify(c.params)} of ${c.targetIs}`, c })))(
    "gives scikit-learn's value, whole and as sums of batches, case $name",
    async ({ c }) => {
      const metric = metricOf(c);
      for (const cut of [
        [0, c.weight.length],
        [0, 7, 8, 25, c.weight.length],
      ]) {
        const sums = new Float64Array(metric.size);
        for (const [i, from] of cut.slice(0, -1).entries()) {
          const part = await sumsOf(c, from, cut[i + 1]!);
          expect(part.length).toBe(metric.size);
          for (const [at, value] of part.entries()) sums[at]! += value;
        }
        // float32 sums of 40 rows
        expect(Math.abs(metric.result(sums) - c.value) / (1 + Math.abs(c.value))).toBeLessThan(2e-6);
      }
    },
  );

  test("does not look at rows of weight 0, and takes named batch sizes", async () => {
    const c = own[0]!;
    const weight = c.weight.map((value, i) => (i < 20 ? value : 0));
    const found = await sumsOf({ ...c, weight }, 0, weight.length, "batch");
    const wanted = await sumsOf(c, 0, 20);
    for (const [i, value] of wanted.entries()) expect(found[i]).toBeCloseTo(value, 4);
  });

  test("is not defined without rows", () => {
    const metric = metricOf(own[0]!);
    const isRate = ["Precision", "Recall", "F1Score"].includes(type);
    // nothing found is a rate of 0, as in scikit-learn
    expect(metric.result(new Float64Array(metric.size))).toBe(isRate ? 0 : Number.NaN);
  });
});

test("metrics are found by short names, under which they are logged", () => {
  const names = ["accuracy", "auc", "mse", "mae", "rmse", "r2", "precision", "recall", "f1"];
  expect(names.map((name) => metrics.of(name, "test").name)).toEqual(names);
  expect(metrics.of("topK", "test").name).toBe("top_5_accuracy");
  const named = metrics.decode({ type: "AUC", params: { curve: "PR", name: "area" } }, undefined as never, "test");
  expect(named.name).toBe("area");
  expect(() => metrics.of("acuracy", "test")).toThrow(/no metric "acuracy".*; did you mean "Accuracy"\?/);
});

test("metrics of yes and no refuse several classes, and the mean over classes needs their number", async () => {
  const c = cases.find(({ type, params }) => type === "F1Score" && params.average === "micro")!;
  expect(() => graphOf({ ...c, params: {} }, 40)).toThrow(
    'F1Score: one output or two classes expected, got 4 classes; give average: "macro" and classes where the metric has them',
  );
  expect(() => metricOf({ ...c, params: { average: "macro" } })).toThrow(
    'F1Score: average: "macro" needs the number of classes; give classes',
  );
  expect(() => graphOf({ ...c, params: { average: "macro", classes: 3 } }, 40)).toThrow(
    "F1Score: 3 classes expected, got 4; set classes to the number of outputs",
  );
});

function metricOf({ type, params }: Case) {
  return metrics.decode({ type, params }, undefined as never, "test");
}

function graphOf(c: Case, rows: number | string): Graph {
  const metric = metricOf(c);
  const shape = (values: readonly Nested[]) => [rows, ...shapeOf(values).slice(1)];
  const specs = {
    prediction: { dtype: "float32", shape: shape(c.prediction) },
    target: { dtype: c.targetIs === "classes" ? "int64" : "float32", shape: shape(c.target) },
    weight: { dtype: "float32", shape: [rows] },
    mask: { dtype: "bool", shape: c.mask === null ? [rows, 1] : shape(c.mask) },
  } as const;
  return trace(({ prediction, target, weight, mask }, g) => {
    const given = { g, target, targetIs: c.targetIs, weight, mask: c.mask === null ? undefined : mask };
    return { sums: metric.sums({ ...given, prediction: c.softmax ? prediction.softmax() : prediction }) };
  }, specs);
}

async function sumsOf(c: Case, from: number, to: number, batch: number | string = to - from): Promise<number[]> {
  const graph = graphOf(c, batch);
  const part = (values: readonly Nested[]) => values.slice(from, to);
  const feeds: Record<string, Tensor> = {
    prediction: tensorOf(part(c.prediction), "float32"),
    target: tensorOf(part(c.target), c.targetIs === "classes" ? "int64" : "float32"),
    weight: tensorOf(part(c.weight), "float32"),
    ...(c.mask && { mask: tensorOf(part(c.mask), "bool") }),
  };
  const needed = new Set(graph.inputs.map(({ name }) => name));
  const given = Object.fromEntries(Object.entries(feeds).filter(([name]) => needed.has(name)));
  if (needed.has("mask") && given.mask === undefined) {
    given.mask = new Tensor("bool", new Uint8Array(to - from), [to - from, 1]);
  }
  return (await runOnnx(graph, given)).sums!.toNumbers();
}
