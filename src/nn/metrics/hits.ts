/** @file Precision, recall and F1: of one answer, or of several classes. */

import { ParamError, ShapeError } from "../../errors.js";
import type { Value } from "../../graph/value.js";
import { choice, integer, number, optional, type Values } from "../../util/params.js";
import { defineMetric, type MetricInputs } from "./batch-metric.js";
import { decisionsOf, isDistribution, labelsOf, weightsOf } from "./places.js";

const specs = {
  threshold: number(
    "probability above which an output counts as positive; classes that exclude each other go by the largest",
    {
      default: 0.5,
    },
  ),
  average: choice(
    "of one answer, of all classes' counts together, or the mean over the classes",
    ["binary", "micro", "macro"],
    {
      default: "binary",
    },
  ),
  classes: optional(integer("number of classes, for the mean over them", { min: 2 })),
};

type Params = Values<typeof specs>;

/** Positives found rightly, wrongly, and missed; by class, one after another, where the mean over classes is asked for. */
function sizeOf(who: string, { average, classes }: Params): number {
  if (average === "macro" && classes === undefined) {
    throw new ParamError(who, 'average: "macro" needs the number of classes; give classes', { param: "classes" });
  }
  return average === "macro" ? 3 * classes! : 3;
}

function countsOf(who: string, inputs: MetricInputs, { threshold, average, classes }: Params): Value[] {
  const { g } = inputs;
  const { found, real } = average === "binary" ? binary(who, inputs, threshold) : byClass(inputs, threshold);
  const width = found.shape?.at(-1);
  if (average === "macro" && width !== classes) {
    throw new ShapeError(who, `${classes} classes expected, got ${width ?? "?"}; set classes to the number of outputs`);
  }
  const weights = weightsOf(inputs, found);
  const axes = Array.from({ length: (found.rank ?? 1) - 1 }, (_, i) => i);
  const sum = (x: Value) => (average === "macro" ? g.reduceSum(x, { axes }) : g.reduceSum(x));
  const right = g.mul(g.mul(found, real), weights);
  return [sum(right), sum(g.sub(g.mul(found, weights), right)), sum(g.sub(g.mul(real, weights), right))];
}

function binary(who: string, inputs: MetricInputs, threshold: number) {
  const { g } = inputs;
  const { scores, positive } = decisionsOf(who, inputs);
  return { found: g.cast(g.greater(scores, threshold), "float32"), real: g.cast(positive, "float32") };
}

/** [batch, ..., classes] of 0 and 1. */
function byClass(inputs: MetricInputs, threshold: number) {
  const { g, prediction, target, targetIs } = inputs;
  if (targetIs === "values" && !isDistribution(g, prediction)) {
    return {
      found: g.cast(g.greater(prediction, threshold), "float32"),
      real: g.cast(g.greater(target, 0.5), "float32"),
    };
  }
  const classes = prediction.shape?.at(-1) as number;
  return {
    found: g.oneHot(g.argMax(prediction, { axis: -1 }), classes),
    real: g.oneHot(labelsOf(inputs), classes),
  };
}

/** Mean over the classes of what their three counts give; 0 where that is not defined, as in scikit-learn. */
function meanOver(sums: Float64Array, rate: (right: number, wrong: number, missed: number) => number): number {
  const classes = sums.length / 3;
  let total = 0;
  for (let k = 0; k < classes; k++) total += rate(sums[k]!, sums[classes + k]!, sums[2 * classes + k]!) || 0;
  return total / classes;
}

/** Part of what was found that is right. */
export const precision = defineMetric({
  type: "Precision",
  specs,
  isLargerBetter: true,
  name: () => "precision",
  size: (params) => sizeOf("Precision", params),
  sums: (inputs, params) => countsOf("Precision", inputs, params),
  result: (sums) => meanOver(sums, (right, wrong) => right / (right + wrong)),
});

/** Part of what is right that was found. */
export const recall = defineMetric({
  type: "Recall",
  specs,
  isLargerBetter: true,
  name: () => "recall",
  size: (params) => sizeOf("Recall", params),
  sums: (inputs, params) => countsOf("Recall", inputs, params),
  result: (sums) => meanOver(sums, (right, _, missed) => right / (right + missed)),
});

/**
 * Harmonic mean of precision and recall; with `beta` recall counts beta times as much.
 *
 * @example nn.metrics.f1({ average: "macro", classes: 10 })
 */
export const f1 = defineMetric({
  type: "F1Score",
  aliases: ["f1", "fbeta"],
  specs: { ...specs, beta: number("weight of recall", { default: 1, above: 0 }) },
  isLargerBetter: true,
  name: ({ beta }) => (beta === 1 ? "f1" : `f${beta}`),
  size: (params) => sizeOf("F1Score", params),
  sums: (inputs, params) => countsOf("F1Score", inputs, params),
  result: (sums, { beta }) =>
    meanOver(sums, (right, wrong, missed) => {
      const square = beta * beta;
      return ((1 + square) * right) / ((1 + square) * right + square * missed + wrong);
    }),
});
