/** @file The ONNX graphs of linear regression: losses with gradients, moments, residuals, predictions. All in float64. */

import { gradient } from "../../autodiff/gradient.js";
import type { Graph } from "../../graph/graph.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { trace } from "../../ops/trace.js";
import { Tensor } from "../../tensor/tensor.js";
import { Asset } from "../../util/asset.js";
import type { FeatureType } from "../objective/block.js";
import type { SumGraph } from "../objective/sums.js";

const row = { dtype: "float64", shape: ["rows", 1] } as const;
const number = { dtype: "float64", shape: [1] } as const;

function rowInputs(features: number, dtype: FeatureType) {
  return { features: { dtype, shape: ["rows", features] as const }, label: row, weight: row };
}

function modelInputs(features: number) {
  return { coefficients: { dtype: "float64", shape: [1, features] as const }, intercepts: number } as const;
}

function sumGraph(graph: Graph, name: string, features: number, parameters: SumGraph["parameters"]): SumGraph {
  // small enough for a processor's cache, but enough to make adding up the results cheap
  const rows = Math.max(256, Math.floor(2 ** 18 / features));
  return { graph: new Asset(graph.toBytes()), name, rows, parameters };
}

/** Half the squared residuals, and the gradient by `coefficients` [1, features] and `intercepts` [1]. */
export function squaredLoss(features: number, dtype: FeatureType): SumGraph {
  const loss = trace(
    ({ features, label, weight, coefficients, intercepts }, g) => {
      const error = predictions(g, features, coefficients, intercepts).sub(label);
      return { loss: error.square().mul(weight).reduceSum().mul(0.5) };
    },
    { ...rowInputs(features, dtype), ...modelInputs(features) },
    { name: "squared-loss" },
  );
  const graph = gradient(loss, { of: "loss", wrt: ["coefficients", "intercepts"] });
  return sumGraph(graph, "squared loss", features, { coefficients: [1, features], intercepts: [1] });
}

/**
 * Huber's loss with its scale s as a parameter (Owen, 2007): half of `s + r^2 / s` where `|r| <= epsilon s`, else half of
 * `s + 2 epsilon |r| - s epsilon^2`.
 */
export function huberLoss(features: number, dtype: FeatureType, epsilon: number): SumGraph {
  const loss = trace(
    ({ features, label, weight, coefficients, intercepts, scale }, g) => {
      const error = predictions(g, features, coefficients, intercepts).sub(label);
      const distance = error.abs();
      const near = scale.add(error.square().div(scale));
      const far = scale.mul(1 - epsilon ** 2).add(distance.mul(2 * epsilon));
      const cost = g.where(distance.lessOrEqual(scale.mul(epsilon)), near, far);
      return { loss: cost.mul(weight).reduceSum().mul(0.5) };
    },
    { ...rowInputs(features, dtype), ...modelInputs(features), scale: number },
    { name: "huber-loss" },
  );
  const graph = gradient(loss, { of: "loss", wrt: ["coefficients", "intercepts", "scale"] });
  return sumGraph(graph, "huber loss", features, { coefficients: [1, features], intercepts: [1], scale: [1] });
}

/** Second moments of the features about `mean` and with the label about `labelMean`: `gram` [features, features], `cross` [features]. */
export function moments(features: number, dtype: FeatureType): SumGraph {
  const graph = trace(
    ({ features, label, weight, mean, labelMean }) => {
      const x = features.cast("float64").sub(mean);
      const weighted = x.mul(weight).transpose([1, 0]);
      return { gram: weighted.matmul(x), cross: weighted.matmul(label.sub(labelMean)) };
    },
    { ...rowInputs(features, dtype), mean: { dtype: "float64", shape: [features] }, labelMean: number },
    { name: "moments" },
  );
  return sumGraph(graph, "moments", features, { mean: [features], labelMean: [1] });
}

/** Weighted sums over rows of a model's predictions: squared and absolute error, squared distance from the label's mean. */
export function residuals(features: number, dtype: FeatureType): SumGraph {
  const graph = trace(
    ({ features, label, weight, coefficients, intercepts, labelMean }, g) => {
      const predicted = predictions(g, features, coefficients, intercepts);
      const error = predicted.sub(label);
      const sum = (value: Value) => value.mul(weight).reduceSum();
      return {
        squaredError: sum(error.square()),
        absoluteError: sum(error.abs()),
        explained: sum(predicted.sub(labelMean).square()),
      };
    },
    { ...rowInputs(features, dtype), ...modelInputs(features), labelMean: number },
    { name: "residuals" },
  );
  const parameters = { coefficients: [1, features], intercepts: [1], labelMean: [1] };
  return sumGraph(graph, "residuals", features, parameters);
}

/** Input: `features` [rows, features]. Output: `prediction` float64 [rows]. Initializers: `coefficients`, `intercepts`. */
export function predictionGraph(coefficients: Float64Array, intercept: number, dtype: FeatureType): Graph {
  return trace(
    ({ features }, g) => {
      const weights = g.parameter("coefficients", new Tensor("float64", coefficients, [1, coefficients.length]));
      const intercepts = g.parameter("intercepts", new Tensor("float64", Float64Array.of(intercept)));
      return { prediction: predictions(g, features, weights, intercepts).squeeze([1]) };
    },
    { features: { dtype, shape: ["rows", coefficients.length] } },
    { name: "linear-regression" },
  );
}

function predictions(g: GraphBuilder, features: Value, coefficients: Value, intercepts: Value): Value {
  return g.gemm(features.cast("float64"), coefficients, intercepts, { transB: true });
}
