/** @file Binary cross-entropy. */

import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { json, number, optional } from "../../util/params.js";
import { fromLogits, logitsOf, tiny } from "./logits.js";
import { defineLoss } from "./loss.js";

export const binary = {
  fromLogits,
  labelSmoothing: number("part of each target that moves to one half", { default: 0, min: 0, max: 1 }),
};

const isWeight = (value: unknown) => typeof value === "number" && value >= 0 && Number.isFinite(value);

/**
 * -log of the probability of the target, 0 or 1, for each output on its own. Unlike in Keras, predictions are logits unless
 * `fromLogits: false`. `posWeight` is PyTorch's.
 *
 * @example nn.losses.binaryCrossentropy({ posWeight: 10 })
 */
export const binaryCrossentropy = defineLoss({
  type: "BinaryCrossentropy",
  aliases: ["bce", "sigmoidCrossEntropyWithLogits"],
  specs: {
    ...binary,
    posWeight: optional(
      json<number | readonly number[]>(
        "factor of the loss where the target is 1; one for all outputs or one per output",
        "a number of at least 0 or a list of them",
        (value) => isWeight(value) || (Array.isArray(value) && value.length > 0 && value.every(isWeight)),
      ),
    ),
  },
  activation: (params) => (params.fromLogits ? "sigmoid" : "none"),
  perPlace({ g, prediction, target: given }, { fromLogits, labelSmoothing, posWeight }) {
    const target = smoothed(g, given, labelSmoothing);
    const weight =
      posWeight === undefined ? undefined : g.constant(posWeight, given.dtype === "float64" ? "float64" : "float32");
    return binaryLoss("BinaryCrossentropy", g, { prediction, target, fromLogits, weight });
  },
});

/** The target moved toward one half. */
export function smoothed(g: GraphBuilder, target: Value, part: number): Value {
  return part === 0 ? target : g.add(g.mul(target, 1 - part), part / 2);
}

interface Binary {
  readonly prediction: Value;
  readonly target: Value;
  readonly fromLogits: boolean;
  readonly weight?: Value | undefined;
}

/** Cross-entropy of each output. */
export function binaryLoss(who: string, g: GraphBuilder, { prediction, target, fromLogits, weight }: Binary): Value {
  const z = logitsOf(who, g, prediction, { activation: "Sigmoid", fromLogits });
  if (z !== undefined) {
    // -t log(s(z)) - (1 - t) log(1 - s(z)) = softplus(z) - t z
    if (weight === undefined) return g.sub(g.softplus(z), g.mul(target, z));
    const factor = g.add(g.mul(target, g.sub(weight, 1)), 1);
    return g.add(g.sub(z, g.mul(target, z)), g.mul(factor, g.softplus(g.neg(z))));
  }
  const p = g.clip(prediction, tiny, 1 - tiny);
  const hit = g.mul(target, g.log(p));
  const missed = g.mul(g.sub(1, target), g.log(g.sub(1, p)));
  return g.neg(g.add(weight === undefined ? hit : g.mul(hit, weight), missed));
}
