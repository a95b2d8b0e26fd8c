/** @file Normalizations with one scale and bias per channel: BatchNormalization, InstanceNormalization, GroupNormalization. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Value } from "../graph/value.js";
import { allBut, channelSum, countOf, normalized, normalizedBack, perChannel, rankOf } from "./normalize.js";
import { defineOp, float, int } from "./op.js";
import { like } from "./unary.js";

export const instanceNormalization = defineOp({
  type: "InstanceNormalization",
  inputs: ["x", "scale", "bias"],
  attrs: { epsilon: float(1e-5) },
  infer: ({ x }) => like(x),
  grad(g, { x, scale, dy, attrs: { epsilon }, wants }) {
    const rank = rankOf(x, "InstanceNormalization");
    const by = normalized(g, x, allBut(rank, 0).slice(1), epsilon);
    return {
      x: wants("x") ? normalizedBack(g, by, g.mul(dy, perChannel(g, scale, rank))) : null,
      scale: wants("scale") ? channelSum(g, g.mul(dy, by.hat), rank) : null,
      bias: wants("bias") ? channelSum(g, dy, rank) : null,
    };
  },
});

export const groupNormalization = defineOp({
  type: "GroupNormalization",
  inputs: ["x", "scale", "bias"],
  attrs: { epsilon: float(1e-5), num_groups: 1, stash_type: int() },
  infer: ({ x }) => like(x),
  grad(g, { x, scale, dy, attrs: { epsilon, num_groups }, wants }) {
    const rank = rankOf(x, "GroupNormalization");
    const grouped = (t: Value) => g.reshape(t, groupShape(g, x, num_groups), { allowZero: true });
    const ungrouped = (t: Value) => g.reshape(t, g.shapeLike(x), { allowZero: true });
    const by = normalized(g, grouped(x), [2], epsilon);
    return {
      x: wants("x") ? ungrouped(normalizedBack(g, by, grouped(g.mul(dy, perChannel(g, scale, rank))))) : null,
      scale: wants("scale") ? channelSum(g, g.mul(dy, ungrouped(by.hat)), rank) : null,
      bias: wants("bias") ? channelSum(g, dy, rank) : null,
    };
  },
});

/** [batch, groups, rest], computed so that an empty batch keeps its rest. */
function groupShape(g: GraphBuilder, x: Value, groups: number): Value {
  const rest = g.div(g.reduceProd(g.shapeOf(x, { start: 1 }), { axes: [0], keepdims: true }), groups);
  return g.concat(g.shapeOf(x, { start: 0, end: 1 }), [g.ints([groups]), rest], { axis: 0 });
}

export const batchNormalization = defineOp({
  type: "BatchNormalization",
  inputs: ["x", "scale", "bias", "mean", "variance"],
  outputs: ["y", "runningMean?", "runningVariance?"],
  attrs: { epsilon: float(1e-5), momentum: float(0.9), training_mode: 0 },
  infer: ({ x, mean, variance }, _, { node }): Known[] =>
    [like(x), like(mean), like(variance)].slice(0, node.outputs.length),

  grad(g, context) {
    const { x, scale, mean, variance, dy, attrs, wants } = context;
    const rank = rankOf(x, "BatchNormalization");
    if (attrs.training_mode !== 0) return trainingBack(g, context, rank);
    if (dy === undefined) return { x: null, scale: null, bias: null, mean: null, variance: null };
    const wide = (vector: Value) => perChannel(g, vector, rank);
    const bias = wants("bias") ? channelSum(g, dy, rank) : null;
    const inverse = g.reciprocal(g.sqrt(g.add(variance, attrs.epsilon)));
    const slope = g.mul(scale, inverse);
    const total = () => bias ?? channelSum(g, dy, rank);
    const products =
      wants("scale") || wants("variance")
        ? g.mul(channelSum(g, g.mul(dy, g.sub(x, wide(mean))), rank), inverse)
        : undefined;
    return {
      x: wants("x") ? g.mul(dy, wide(slope)) : null,
      scale: products !== undefined && wants("scale") ? products : null,
      bias,
      mean: wants("mean") ? g.neg(g.mul(total(), slope)) : null,
      variance:
        products !== undefined && wants("variance") ? g.mul(g.mul(products, g.mul(slope, inverse)), -0.5) : null,
    };
  },
});

interface Training {
  readonly x: Value;
  readonly scale: Value;
  readonly dy: Value | undefined;
  readonly drunningMean: Value | undefined;
  readonly drunningVariance: Value | undefined;
  readonly attrs: { readonly epsilon: number; readonly momentum: number };
  readonly wants: (input: "x" | "scale" | "bias" | "mean" | "variance") => boolean;
}

/** With the batch's own statistics; running ones are m old + (1 - m) of the batch. */
function trainingBack(g: GraphBuilder, t: Training, rank: number) {
  const { x, dy, drunningMean, drunningVariance, attrs, wants } = t;
  const wide = (vector: Value) => perChannel(g, vector, rank);
  const by = normalized(g, x, allBut(rank, 1), attrs.epsilon);
  const share = () => g.div(1 - attrs.momentum, countOf(g, x, by.inverse));
  const parts: Value[] = [];
  if (dy !== undefined && wants("x")) parts.push(normalizedBack(g, by, g.mul(dy, wide(t.scale))));
  if (drunningMean !== undefined) parts.push(g.expand(g.mul(wide(drunningMean), share()), g.shapeLike(x)));
  // d variance / dx = 2 (x - mean) / n
  if (drunningVariance !== undefined) {
    const slope = g.div(g.mul(wide(drunningVariance), g.mul(share(), 2)), by.inverse);
    parts.push(g.mul(by.hat, slope));
  }
  const old = (grad: Value | undefined) => (grad === undefined ? null : g.mul(grad, attrs.momentum));
  return {
    x: parts.length > 0 ? g.sum(parts[0]!, ...parts.slice(1)) : null,
    scale: dy !== undefined && wants("scale") ? channelSum(g, g.mul(dy, by.hat), rank) : null,
    bias: dy !== undefined && wants("bias") ? channelSum(g, dy, rank) : null,
    mean: old(drunningMean),
    variance: old(drunningVariance),
  };
}
