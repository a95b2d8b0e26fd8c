import { describe, expect, test } from "vitest";
import type { Dim } from "../../graph/types.js";
import { trace } from "../../ops/trace.js";
import * as nn from "./index.js";
import { type Loss, losses } from "./loss.js";

function rows(loss: Loss, prediction: readonly Dim[], target: readonly Dim[], activation?: "softmax" | "sigmoid") {
  const spec = { dtype: loss.target === "classes" ? "int64" : "float32", shape: target } as const;
  return trace(
    ({ x, t }, g) => {
      const activated = activation === undefined ? x : x[activation]();
      return { rows: loss.perRow({ g, prediction: activated, target: t, mask: undefined }) };
    },
    { x: prediction, t: spec },
  );
}

describe("losses", () => {
  test("are found by their names and their short ones", () => {
    expect(losses.of("crossEntropy", "test").type).toBe("CrossEntropy");
    expect(losses.of("binary_crossentropy", "test").type).toBe("BinaryCrossentropy");
    expect(losses.of("mse", "test").type).toBe("MeanSquaredError");
    expect(() => losses.of("hubert", "test")).toThrow(/no loss "hubert".*; did you mean "Huber"\?/);
  });

  test("refuse logits that are probabilities already, and say what to do", () => {
    expect(() => rows(nn.crossEntropy(), [4, 3], [4], "softmax")).toThrow(
      "CrossEntropy: the network ends in Softmax, but its results are taken as logits; leave the last activation out, or set fromLogits: false",
    );
    expect(() => rows(nn.binaryCrossentropy(), [4, 1], [4, 1], "sigmoid")).toThrow(
      "BinaryCrossentropy: the network ends in Sigmoid, but its results are taken as logits; leave the last activation out, or set fromLogits: false",
    );
  });

  test("take the logits behind an activation, which are more exact", () => {
    const graph = rows(nn.binaryCrossentropy({ fromLogits: false }), [4, 1], [4, 1], "sigmoid");
    expect(graph.nodes.map(({ opType }) => opType)).not.toContain("Log");
    expect(nn.binaryCrossentropy({ fromLogits: false }).activation).toBe("none");
  });

  test("compare [batch] with [batch, 1] row by row", () => {
    expect(rows(nn.meanSquaredError(), ["batch", 1], ["batch"]).outputs[0]!.shape).toEqual(["batch"]);
    expect(rows(nn.meanSquaredError(), [4], [4, 1]).outputs[0]!.shape).toEqual([4]);
  });

  test("name shapes that do not fit", () => {
    expect(() => rows(nn.huber(), [4, 3], [4, 2])).toThrow(
      "Huber: targets of the prediction's shape [4, 3] expected, got [4, 2]; give the network as many outputs as the targets have",
    );
    expect(() => rows(nn.categoricalCrossentropy(), [4, 3], [4])).toThrow(
      'CategoricalCrossentropy: targets of the prediction\'s shape [4, 3] expected, got [4]; for class numbers take a loss of those, such as "crossEntropy"; otherwise end the network in one output',
    );
    expect(() => rows(nn.crossEntropy({ weight: [1, 2] }), [4, 3], [4])).toThrow(
      "CrossEntropy: weight must have one number per class, so 3, got 2",
    );
    expect(() => rows(nn.crossEntropy(), [4], [4])).toThrow(
      "CrossEntropy: predictions [batch, ..., classes] expected, got [4]; end the network in one output per class",
    );
    expect(() => rows(nn.ctc(), [4, "time", 3], [4, 2])).toThrow(
      "CTC: predictions [batch, time, classes] and targets [batch, length] of known time and length expected, got [4, time, 3] and [4, 2]",
    );
  });
});
