/** @file The ONNX graphs of logistic regression: its loss with gradient, and its predictions. All arithmetic is in float64. */

import { gradient } from "../../autodiff/gradient.js";
import type { Graph } from "../../graph/graph.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { trace } from "../../ops/trace.js";
import { Tensor } from "../../tensor/tensor.js";
import type { FeatureType } from "../objective/block.js";

/** `outputs`: rows of coefficients: 1 where there are two classes and one margin tells both, else one per class. */
export interface Sizes {
  readonly features: number;
  readonly classes: number;
  readonly outputs: number;
}

/**
 * Loss and gradient over a block of rows, as sums, not means.
 *
 * Inputs: `features` [rows, features] of the type given; `label` (whole numbers) and `weight` float64 [rows, 1];
 * `coefficients` float64 [outputs, features]; `intercepts` float64 [outputs].
 * Outputs: `loss` [], `grad/coefficients` and `grad/intercepts`.
 */
export function lossGraph({ features, classes, outputs }: Sizes, dtype: FeatureType): Graph {
  const numbers = Float64Array.from({ length: classes }, (_, i) => i);
  const loss = trace(
    ({ features, label, weight, coefficients, intercepts }, g) => {
      const logProbability = logits(g, margins(g, features, coefficients, intercepts), outputs < classes).logSoftmax();
      const isLabel = label.equal(g.constant(new Tensor("float64", numbers, [1, classes]))).cast("float64");
      return { loss: logProbability.mul(isLabel).mul(weight).reduceSum().neg() };
    },
    {
      features: { dtype, shape: ["rows", features] },
      label: { dtype: "float64", shape: ["rows", 1] },
      weight: { dtype: "float64", shape: ["rows", 1] },
      coefficients: { dtype: "float64", shape: [outputs, features] },
      intercepts: { dtype: "float64", shape: [outputs] },
    },
    { name: "logistic-loss" },
  );
  return gradient(loss, { of: "loss", wrt: ["coefficients", "intercepts"] });
}

/** What was learned, and how a class is chosen. */
export interface Predictor {
  /** [outputs, features] */
  readonly coefficients: Tensor<"float64">;
  /** [outputs] */
  readonly intercepts: Tensor<"float64">;
  /** With two classes and one margin: class 1 is chosen where its probability is above this. */
  readonly threshold: number;
  /** One per class: the class with the largest ratio of probability to threshold is chosen. */
  readonly thresholds: readonly number[] | undefined;
}

/**
 * Predictions from features.
 *
 * Input: `features` [rows, features]. Outputs: `rawPrediction` and `probability` float64 [rows, classes], `prediction`
 * float64 [rows]. The weights are the initializers `coefficients` and `intercepts`.
 */
export function predictionGraph(predictor: Predictor, dtype: FeatureType): Graph {
  const { coefficients, intercepts, threshold, thresholds } = predictor;
  const [outputs, features] = coefficients.shape as [number, number];
  return trace(
    ({ features }, g) => {
      const margin = margins(
        g,
        features,
        g.parameter("coefficients", coefficients),
        g.parameter("intercepts", intercepts),
      );
      const probability = logits(g, margin, outputs === 1).softmax();
      if (outputs === 1) {
        // as in Spark ML, two thresholds stand for one, and raw predictions are compared
        const single = thresholds ? 1 / (1 + thresholds[0]! / thresholds[1]!) : threshold;
        const above = margin.greater(g.constant(Math.log(single / (1 - single)), "float64"));
        const rawPrediction = g.concat(margin.neg(), [margin], { axis: 1 });
        return { rawPrediction, probability, prediction: above.squeeze([1]).cast("float64") };
      }
      return { rawPrediction: margin, probability, prediction: choose(g, margin, probability, thresholds) };
    },
    { features: { dtype, shape: ["rows", features] } },
    { name: "logistic-regression" },
  );
}

/** The class with the largest ratio of probability to threshold; a threshold of 0 wins wherever its class is possible at all. */
export function choose(
  g: GraphBuilder,
  raw: Value,
  probability: Value,
  thresholds: readonly number[] | undefined,
): Value {
  const preference = thresholds?.map((threshold) => Math.min(1 / threshold, 1e300));
  const preferred = preference ? probability.mul(g.constant(preference, "float64")) : raw;
  return preferred.argMax({ axis: 1 }).cast("float64");
}

function margins(g: GraphBuilder, features: Value, coefficients: Value, intercepts: Value): Value {
  return g.gemm(features.cast("float64"), coefficients, intercepts, { transB: true });
}

/** [rows, classes]; with one margin the first class has logit 0. */
function logits(g: GraphBuilder, margin: Value, binomial: boolean): Value {
  return binomial ? g.concat(g.zerosLike(margin), [margin], { axis: 1 }) : margin;
}
