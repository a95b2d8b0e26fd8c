/** @file What layers with a kernel share: parameters, the weights they declare, and what happens to their sums. */

import type { Value } from "../../graph/value.js";
import { boolean, optional } from "../../util/params.js";
import { type Activation, activations } from "../activations.js";
import { type Initializer, initializers } from "../initializers.js";
import type { BuildContext, WeightOptions } from "../layer.js";
import { type Regularizer, regularizers } from "../regularizers.js";

export const activationParam = activations.param("function of the sums", { default: "linear" });
export const activityRegularizer = optional(regularizers.param("penalty on the result"));

export const biasParams = {
  useBias: boolean("whether a bias is added", { default: true }),
  biasInitializer: initializers.param("first values of the bias", { default: "zeros" }),
  biasRegularizer: optional(regularizers.param("penalty on the bias")),
};

/** Of a layer with one kernel, as in Keras. */
export const kernelParams = {
  activation: activationParam,
  ...biasParams,
  kernelInitializer: initializers.param("first values of the kernel", { default: "glorotUniform" }),
  kernelRegularizer: optional(regularizers.param("penalty on the kernel")),
  activityRegularizer,
};

/** A regularizer or its name, as layers hand it to `weight`. */
export function regularizerOf(given: Regularizer | string | undefined, who: string): Regularizer | undefined {
  return given === undefined ? undefined : regularizers.of(given, who);
}

/** The weight "kernel". */
export function kernelOf(
  context: BuildContext,
  shape: readonly number[],
  given: {
    readonly kernelInitializer: Initializer | string;
    readonly kernelRegularizer: Regularizer | string | undefined;
  },
  more: Pick<WeightOptions, "fans" | "mayTurn"> = {},
): Value {
  return context.weight("kernel", shape, {
    initializer: given.kernelInitializer,
    regularizer: regularizerOf(given.kernelRegularizer, "kernelRegularizer"),
    ...more,
  });
}

/** The weight "bias", or undefined without one. */
export function biasOf(
  context: BuildContext,
  size: number,
  given: {
    readonly useBias: boolean;
    readonly biasInitializer: Initializer | string;
    readonly biasRegularizer: Regularizer | string | undefined;
  },
): Value | undefined {
  if (!given.useBias) return undefined;
  return context.weight("bias", [size], {
    initializer: given.biasInitializer,
    regularizer: regularizerOf(given.biasRegularizer, "biasRegularizer"),
  });
}

/** The activation of the sums, whose penalty is added to the loss. */
export function activated(
  context: BuildContext,
  sums: Value,
  given: {
    readonly activation: Activation | string;
    readonly activityRegularizer?: Regularizer | string | undefined;
  },
): Value {
  const y = activations.of(given.activation, "activation").apply(sums);
  penalize(context, [y], given.activityRegularizer);
  return y;
}

/** Adds the penalty on results to the loss: per row as in tf.keras, where Keras 3 takes the sum over the batch. */
export function penalize(
  { g, training, addLoss }: BuildContext,
  results: readonly Value[],
  given: Regularizer | string | undefined,
): void {
  const regularizer = regularizerOf(given, "activityRegularizer");
  if (regularizer === undefined || !training) return;
  for (const y of results) addLoss(regularizer.penalty(y).div(g.cast(g.gather(g.shapeLike(y), 0), "float32")));
}
