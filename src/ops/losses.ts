/** @file Losses of classes: SoftmaxCrossEntropyLoss and NegativeLogLikelihoodLoss, with class weights and an ignored label. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Node } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import type { DType } from "../tensor/dtype.js";
import { defineOp, int } from "./op.js";
import { like } from "./unary.js";

interface LossAttrs {
  readonly reduction: string;
  readonly ignore_index: number | undefined;
}

interface Labelled {
  /** Labels, 0 where they are ignored: [batch, ...]. */
  readonly labels: Value;
  /** Gradient of each label's loss, class weight included; 0 where ignored. */
  readonly each: Value;
}

const lossShape = (labels: Known, reduction: string) => (reduction === "none" ? labels.shape : []);

/** What each label adds to the gradient: its class's weight, over the sum of weights for the mean. */
function labelled(
  g: GraphBuilder,
  scores: Value,
  given: Value,
  weights: Value | undefined,
  dloss: Value,
  { reduction, ignore_index }: LossAttrs,
): Labelled {
  const dtype = scores.dtype ?? "float32";
  const ignored = ignore_index === undefined ? undefined : g.equal(given, ignore_index);
  // a label to ignore may lie outside the classes
  const labels = ignored === undefined ? given : g.where(ignored, g.zerosLike(given), given);
  const ones = () => g.cast(g.onesLike(given), dtype);
  const own =
    weights === undefined
      ? ignored === undefined && reduction !== "mean"
        ? undefined
        : ones()
      : g.gather(weights, labels);
  const weight = own === undefined || ignored === undefined ? own : g.where(ignored, 0, own);
  if (weight === undefined) return { labels, each: g.expand(dloss, g.shapeLike(given)) };
  const total = reduction === "mean" ? g.div(dloss, g.reduceSum(weight)) : dloss;
  return { labels, each: g.mul(weight, total) };
}

/** Adds `values` [batch, ...] to `into` [batch, classes, ...] at the labels. */
function addAtLabels(g: GraphBuilder, into: Value, labels: Value, values: Value): Value {
  return g.scatterElements(into, g.unsqueeze(labels, [1]), g.unsqueeze(values, [1]), { axis: 1, reduction: "add" });
}

/**
 * The probabilities. Loss and logarithms are made anew from them in the node's place, so that one pass of exponentials serves
 * all: with a row's largest score m and largest probability q, log p = x - m + log q, without loss where p is tiny. The -1 of
 * each row is made of q, so that p has been read when -1 is added to it, which the runtime then does in place.
 */
function probabilities(
  g: GraphBuilder,
  scores: Value,
  given: Value,
  weights: Value | undefined,
  attrs: LossAttrs,
  node: Node,
): { readonly p: Value; readonly minusOne: Value } {
  const largest = (x: Value) => g.reduceMax(x, { axes: [1], keepdims: true });
  const build = () => {
    const p = g.softmax(scores, { axis: 1 });
    const q = largest(p);
    const total = g.sub(largest(scores), g.log(q));
    const one = g.constant(1, scores.dtype as DType);
    const { labels, each } = labelled(g, scores, given, weights, one, attrs);
    const own = g.gatherElements(scores, g.unsqueeze(labels, [1]), { axis: 1 });
    const plain = g.squeeze(g.sub(total, own), [1]);
    const isPlain = weights === undefined && attrs.ignore_index === undefined && attrs.reduction !== "mean";
    const losses = isPlain ? plain : g.mul(each, plain);
    const loss = attrs.reduction === "none" ? losses : g.reduceSum(losses);
    // -1 per row, of no more operators than one
    return { p, minusOne: g.clip(q, -1, -1), outputs: [loss, g.sub(scores, total)] };
  };
  if (!g.nodes.includes(node)) return build();
  let built: ReturnType<typeof build>;
  g.insteadOf(node, () => {
    built = build();
    return built.outputs;
  });
  return built!;
}

export const softmaxCrossEntropyLoss = defineOp({
  type: "SoftmaxCrossEntropyLoss",
  inputs: ["scores", "labels", "weights?"],
  outputs: ["loss", "logProbabilities?"],
  attrs: { reduction: "mean", ignore_index: int() },
  infer: ({ scores, labels }, { reduction }, { node }): Known[] =>
    [{ dtype: scores.dtype, shape: lossShape(labels, reduction) }, like(scores)].slice(0, node.outputs.length),

  // loss = -w log(p[label])  =>  dscores = w (p - 1 at the label)
  grad(g, { scores, labels: given, weights, dloss, dlogProbabilities, attrs, node }) {
    const { p, minusOne } = probabilities(g, scores, given, weights, attrs, node);
    const parts: Value[] = [];
    if (dloss !== undefined) {
      const { labels, each } = labelled(g, scores, given, weights, dloss, attrs);
      const added = g.scatterElements(p, g.unsqueeze(labels, [1]), minusOne, { axis: 1, reduction: "add" });
      parts.push(g.mul(added, g.unsqueeze(each, [1])));
    }
    if (dlogProbabilities !== undefined) {
      const total = g.reduceSum(dlogProbabilities, { axes: [1], keepdims: true });
      parts.push(g.sub(dlogProbabilities, g.mul(p, total)));
    }
    return { scores: parts.length === 0 ? null : g.sum(parts[0]!, ...parts.slice(1)), labels: null, weights: null };
  },
});

export const negativeLogLikelihoodLoss = defineOp({
  type: "NegativeLogLikelihoodLoss",
  inputs: ["scores", "labels", "weights?"],
  attrs: { reduction: "mean", ignore_index: int() },
  infer: ({ scores, labels }, { reduction }) => ({ dtype: scores.dtype, shape: lossShape(labels, reduction) }),

  // loss = -w scores[label]
  grad(g, { scores, labels: given, weights, dy, attrs }) {
    const { labels, each } = labelled(g, scores, given, weights, dy, attrs);
    return { scores: addAtLabels(g, g.zerosLike(scores), labels, g.neg(each)), labels: null, weights: null };
  },
});
