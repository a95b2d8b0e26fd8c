/** @file Focal losses (Lin et al., 2017): cross-entropy that looks away from what is right already. */

import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { boolean, choice, number } from "../../util/params.js";
import { binary, binaryLoss, smoothed } from "./binary-cross-entropy.js";
import { classesOf } from "./cross-entropy.js";
import { fromLogits, logitsOf, tiny } from "./logits.js";
import { defineLoss } from "./loss.js";

const gamma = number("how much rows that are right already are played down", { default: 2, min: 0 });

/** (1 - p)^gamma * binary cross-entropy, p the probability of the target; as in Keras, but predictions are logits by default. */
export const binaryFocalCrossentropy = defineLoss({
  type: "BinaryFocalCrossentropy",
  specs: {
    ...binary,
    gamma,
    applyClassBalancing: boolean("whether targets of 1 weigh alpha and those of 0 weigh 1 - alpha", { default: false }),
    alpha: number("weight of targets of 1", { default: 0.25, min: 0, max: 1 }),
  },
  activation: (params) => (params.fromLogits ? "sigmoid" : "none"),
  perPlace({ g, prediction, target: given }, { fromLogits, labelSmoothing, gamma, applyClassBalancing, alpha }) {
    const target = smoothed(g, given, labelSmoothing);
    const loss = binaryLoss("BinaryFocalCrossentropy", g, { prediction, target, fromLogits });
    const p = fromLogits ? g.sigmoid(prediction) : g.clip(prediction, tiny, 1 - tiny);
    // 1 - (t p + (1 - t)(1 - p)) = p + t (1 - 2p)
    const miss = g.add(p, g.mul(target, g.sub(1, g.mul(p, 2))));
    const focal = g.mul(power(g, miss, gamma), loss);
    return applyClassBalancing ? g.mul(focal, g.add(g.mul(target, 2 * alpha - 1), 1 - alpha)) : focal;
  },
});

/**
 * alpha * (1 - p)^gamma * -log(p), p the probability of the target's class; as in Keras, but predictions are logits by
 * default. Targets are one-hot vectors, or class numbers with `targets: "classes"`.
 */
export const categoricalFocalCrossentropy = defineLoss({
  type: "CategoricalFocalCrossentropy",
  specs: {
    fromLogits,
    targets: choice("what the targets are", ["probabilities", "classes"], { default: "probabilities" }),
    labelSmoothing: number("part of each target that is spread over all classes", { default: 0, min: 0, max: 1 }),
    gamma,
    alpha: number("factor of the loss", { default: 0.25, min: 0 }),
  },
  target: ({ targets }) => (targets === "classes" ? "classes" : "values"),
  activation: (params) => (params.fromLogits ? "softmax" : "none"),
  perPlace({ g, prediction, target: given }, { fromLogits, targets, labelSmoothing: part, gamma, alpha }) {
    const who = "CategoricalFocalCrossentropy";
    const classes = classesOf(who, prediction);
    const dtype = prediction.dtype === "float64" ? "float64" : "float32";
    // a column of labels may come as [batch, 1]
    const labels = () => (given.rank === prediction.rank ? g.squeeze(given, [-1]) : given);
    const vectors = targets === "classes" ? g.cast(g.oneHot(labels(), classes), dtype) : given;
    const target = part === 0 ? vectors : g.add(g.mul(vectors, 1 - part), part / classes);
    const logits = logitsOf(who, g, prediction, { activation: "Softmax", fromLogits });
    const logP = logits === undefined ? g.log(g.clip(prediction, tiny, 1 - tiny)) : g.logSoftmax(logits);
    const miss = g.sub(1, g.exp(logP));
    const places = g.mul(power(g, miss, gamma), g.mul(target, logP));
    return g.mul(g.reduceSum(places, { axes: [-1] }), -alpha);
  },
});

/** x^gamma for x from 0 to 1, with a finite slope at 0. */
function power(g: GraphBuilder, x: Value, gamma: number): Value {
  if (gamma === 0) return g.onesLike(x);
  if (gamma === 1) return x;
  return gamma === 2 ? g.square(x) : g.pow(g.max(x, tiny), gamma);
}
