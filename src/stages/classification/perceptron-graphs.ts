/** @file The ONNX graphs of a multilayer perceptron: its loss with gradient, and its predictions. */

import { gradient } from "../../autodiff/gradient.js";
import type { Graph } from "../../graph/graph.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { trace } from "../../ops/trace.js";
import { Tensor } from "../../tensor/tensor.js";
import type { FeatureType } from "../objective/block.js";
import { choose } from "./logistic-graphs.js";

export const activations = ["sigmoid", "tanh", "relu", "elu", "softplus"] as const;
export type Activation = (typeof activations)[number];

/** A network of dense layers; the last one's outputs are the classes' logits. */
export interface Perceptron {
  /** Width of each layer, the input's first. */
  readonly layers: readonly number[];
  /** Of the hidden layers. */
  readonly activation: Activation;
}

/** Numbers of all layers' weights and biases. */
export function weightCount(layers: readonly number[]): number {
  return layerShapes(layers).reduce((sum, [ins, outs]) => sum + (ins + 1) * outs, 0);
}

/** Whether each of the flat weights is a bias. */
export function areBiases(layers: readonly number[]): boolean[] {
  return layerShapes(layers).flatMap(([ins, outs]) => [
    ...new Array<boolean>(ins * outs).fill(false),
    ...new Array<boolean>(outs).fill(true),
  ]);
}

/**
 * Loss and gradient over a block of rows, as sums.
 *
 * Inputs: `features` [rows, layers[0]]; `label` (whole numbers) and `weight` float64 [rows, 1]; `weights` float64, flat, as
 * Spark ML lays them out: per layer the matrix [outputs, inputs] column by column, then the bias.
 * Outputs: `loss` [] and `grad/weights`.
 *
 * @param inside what the layers compute in
 */
export function lossGraph({ layers, activation }: Perceptron, dtype: FeatureType, inside: FeatureType): Graph {
  const classes = layers.at(-1)!;
  const numbers = Float64Array.from({ length: classes }, (_, i) => i);
  const loss = trace(
    ({ features, label, weight, weights }, g) => {
      const parts = weights.cast(inside).split(layerShapes(layers).flatMap(([ins, outs]) => [ins * outs, outs]));
      const dense = layerShapes(layers).map(([ins, outs], i): [Value, Value] => [
        // [outputs, inputs] column by column is [inputs, outputs] row by row
        parts[2 * i]!.reshape([ins, outs]),
        parts[2 * i + 1]!,
      ]);
      // few numbers, so in double whatever the layers compute in
      const logProbability = logits(g, features.cast(inside), dense, activation).cast("float64").logSoftmax();
      const isLabel = label.equal(g.constant(new Tensor("float64", numbers, [1, classes]))).cast("float64");
      return { loss: logProbability.mul(isLabel).mul(weight).reduceSum().neg() };
    },
    {
      features: { dtype, shape: ["rows", layers[0]!] },
      label: { dtype: "float64", shape: ["rows", 1] },
      weight: { dtype: "float64", shape: ["rows", 1] },
      weights: { dtype: "float64", shape: [weightCount(layers)] },
    },
    { name: "perceptron-loss" },
  );
  return gradient(loss, { of: "loss", wrt: ["weights"] });
}

/**
 * Predictions from features.
 *
 * Input: `features` [rows, layers[0]]. Outputs: `rawPrediction` and `probability` float64 [rows, classes], `prediction`
 * float64 [rows]. The weights are the initializers `W1` [inputs, outputs], `b1` and so on.
 */
export function predictionGraph(
  { layers, activation }: Perceptron,
  weights: Float64Array,
  thresholds: readonly number[] | undefined,
  dtype: FeatureType,
): Graph {
  let at = 0;
  const take = (name: string, shape: readonly number[]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    at += size;
    return [name, new Tensor("float64", weights.slice(at - size, at), shape)] as const;
  };
  const parameters = layerShapes(layers).map(
    ([ins, outs], i) => [take(`W${i + 1}`, [ins, outs]), take(`b${i + 1}`, [outs])] as const,
  );
  return trace(
    ({ features }, g) => {
      const dense = parameters.map(([w, b]): [Value, Value] => [g.parameter(...w), g.parameter(...b)]);
      const rawPrediction = logits(g, features.cast("float64"), dense, activation);
      const probability = rawPrediction.softmax();
      return { rawPrediction, probability, prediction: choose(g, rawPrediction, probability, thresholds) };
    },
    { features: { dtype, shape: ["rows", layers[0]!] } },
    { name: "multilayer-perceptron" },
  );
}

function logits(
  g: GraphBuilder,
  features: Value,
  dense: readonly (readonly [Value, Value])[],
  activation: Activation,
): Value {
  return dense.reduce((x, [w, b], i) => {
    const sums = g.gemm(x, w, b);
    return i + 1 < dense.length ? sums[activation]() : sums;
  }, features);
}

/** Inputs and outputs of each layer of weights. */
export function layerShapes(layers: readonly number[]): [number, number][] {
  return layers.slice(1).map((outs, i) => [layers[i]!, outs]);
}
