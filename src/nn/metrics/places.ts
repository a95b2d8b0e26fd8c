/** @file Places of a batch and what they weigh: rows, steps of sequences, single outputs; what metrics share. */

import { ShapeError } from "../../errors.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import type { MetricInputs } from "./batch-metric.js";

/** Weights with the shape of `places` [batch, ...]: those of the rows, 0 where a mask [batch, time] hides a place. */
export function weightsOf({ g, weight, mask }: Pick<MetricInputs, "g" | "weight" | "mask">, places: Value): Value {
  const rank = places.rank ?? 1;
  if (rank === 1) return weight;
  const ones = (count: number) => Array.from({ length: count }, () => 1);
  const rows = g.reshape(weight, [-1, ...ones(rank - 1)]);
  const shown = mask === undefined ? rows : g.mul(rows, g.reshape(g.cast(mask, "float32"), [0, 0, ...ones(rank - 2)]));
  return g.expand(shown, g.shapeLike(places));
}

/** Weighted sum of the places' values, and the sum of the weights. */
export function weightedSums(inputs: MetricInputs, places: Value): [Value, Value] {
  const { g } = inputs;
  const weights = weightsOf(inputs, places);
  return [g.reduceSum(g.mul(g.cast(places, "float32"), weights)), g.reduceSum(weights)];
}

/** Whether predictions are probabilities of classes that exclude each other: the network, or its loss, ends in softmax. */
export function isDistribution(g: GraphBuilder, prediction: Value): boolean {
  const maker = g.nodes.findLast(({ outputs }) => outputs.includes(prediction.name));
  return maker?.opType === "Softmax" && prediction.shape?.at(-1) !== 1;
}

/** Numbers of the true classes [batch, ...]: of class numbers or of one-hot vectors. */
export function labelsOf({ g, prediction, target, targetIs }: MetricInputs): Value {
  if (targetIs === "values") return g.argMax(target, { axis: -1 });
  // a column of labels may come as [batch, 1]
  return target.rank === prediction.rank ? g.squeeze(target, [-1]) : target;
}

export interface Decisions {
  /** Probability of "positive", and whether it is. */
  readonly scores: Value;
  readonly positive: Value;
}

/**
 * Places at which the answer is yes or no: outputs of a sigmoid, or the second of two classes.
 *
 * @throws ShapeError for more than two classes.
 */
export function decisionsOf(who: string, inputs: MetricInputs): Decisions {
  const { g, prediction, target, targetIs } = inputs;
  const classes = prediction.shape?.at(-1);
  if (targetIs === "values" && !isDistribution(g, prediction)) {
    return { scores: prediction, positive: g.greater(target, 0.5) };
  }
  if (classes === 1) {
    const labels = target.rank === prediction.rank ? target : g.unsqueeze(target, [-1]);
    return { scores: prediction, positive: g.greater(labels, 0) };
  }
  if (classes === 2) {
    return { scores: g.gather(prediction, 1, { axis: -1 }), positive: g.equal(labelsOf(inputs), 1) };
  }
  throw new ShapeError(
    who,
    `one output or two classes expected, got ${classes ?? "?"} classes; give average: "macro" and classes where the metric has them`,
  );
}
