/** @file The loss of a batch and the sums of its metrics, as operators: what training and validation share. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { type BuildOptions, type Built, buildNetwork } from "../nn/build.js";
import type { Loss } from "../nn/losses/loss.js";
import { type Head, inputOf, outputsOf, type Problem } from "./problem.js";
import { withoutNegligibleGradients } from "./subnormals.js";

export interface Forward {
  /** What is minimised: the weighted mean of the rows' losses, and penalties. */
  readonly loss: Value;
  /** [statCount]: loss, weight of the batch, each head's loss where there are several, sums of metrics. */
  readonly stats: () => Value;
  readonly built: Built;
}

/** Numbers that each batch reports. */
export function statCountOf({ heads }: Pick<Problem, "heads">): number {
  return (
    2 +
    (heads.length > 1 ? heads.length : 0) +
    heads.flatMap(({ metrics }) => metrics).reduce((sum, { size }) => sum + size, 0)
  );
}

/** @param batch the fields' tensors, [batchSize, ...] */
export function forward(
  g: GraphBuilder,
  problem: Problem,
  batch: ReadonlyMap<string, Value>,
  batchSize: number,
  options: BuildOptions,
): Forward {
  const { network, inputs, heads } = problem;
  const fed = inputs.map((field) => inputOf(g, network, field, batch.get(field.name)!));
  const built = buildNetwork(g, network, fed, options);
  const outputs = outputsOf(network, built);
  const weight = problem.weight === undefined ? undefined : batch.get(problem.weight.name)!;
  const total = weight === undefined ? undefined : g.reduceSum(weight);
  const parts = heads.map((head) => {
    const output = outputs[head.output]!;
    // a network of a file may give float64
    const floats = output.dtype === "float32" ? output : g.cast(output, "float32");
    const prediction = options.training ? withoutNegligibleGradients(g, floats) : floats;
    const target = targetOf(g, head, batch.get(head.target.name)!, prediction);
    const mask = built.maskOf(output);
    const rows = head.loss.perRow({ g, prediction, target, mask });
    // a batch of weight 0 has loss 0
    const mean =
      weight === undefined ? g.reduceMean(rows) : g.div(g.reduceSum(g.mul(rows, weight)), g.max(total!, 1e-12));
    return { head, prediction, target, mask, mean };
  });
  const weighted = parts.map(({ head, mean }) => (head.lossWeight === 1 ? mean : g.mul(mean, head.lossWeight)));
  const losses = [...weighted, ...built.losses.map((loss) => (loss.rank === 0 ? loss : g.reshape(loss, [])))];
  const loss = g.sum(losses[0]!, ...losses.slice(1));
  const stats = () => {
    const one = (x: Value) => g.reshape(x, [1]);
    const hasMetrics = heads.some(({ metrics }) => metrics.length > 0);
    const rowWeights = weight ?? (hasMetrics ? g.fill(g.ints([batchSize]), 1) : undefined);
    const sums = parts.flatMap(({ head, prediction, target, mask }) => {
      if (head.metrics.length === 0) return [];
      const activated = activate(head.loss, prediction);
      const given = { g, prediction: activated, target, targetIs: head.loss.target, weight: rowWeights!, mask };
      return head.metrics.map((metric) => metric.sums(given));
    });
    const several = parts.length > 1 ? parts.map(({ mean }) => one(mean)) : [];
    const weightSum = total === undefined ? g.constant([batchSize]) : one(total);
    return g.concat(one(loss), [weightSum, ...several, ...sums], { axis: 0 });
  };
  return { loss, stats, built };
}

/** Predictions as metrics and models give them: probabilities of logits. */
export function activate(loss: Loss, prediction: Value): Value {
  if (loss.activation === "softmax") return prediction.softmax();
  return loss.activation === "sigmoid" ? prediction.sigmoid() : prediction;
}

/** Classes as int64; values as float32 in the prediction's shape where only sizes of 1 differ. */
function targetOf(g: GraphBuilder, { loss }: Head, target: Value, prediction: Value): Value {
  if (loss.target === "classes") return g.cast(target, "int64");
  const values = g.cast(target, "float32");
  const sizes = (x: Value) => x.shape?.filter((dim) => dim !== 1).join();
  return values.rank !== prediction.rank && sizes(values) === sizes(prediction)
    ? g.reshape(values, prediction.shape as number[])
    : values;
}
