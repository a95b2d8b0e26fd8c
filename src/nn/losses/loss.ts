/** @file Loss: how far predictions are from what they should be, as operators. */

import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { type Configured, Kind, type Maker } from "../../util/kind.js";
import type { ParamSpecs, Values } from "../../util/params.js";
import { likePrediction, meanOfRows } from "./rows.js";

/** What a loss compares. */
export interface LossInputs {
  readonly g: GraphBuilder;
  /** The network's result, [batch, ...]: for classes their logits, or probabilities with `fromLogits: false`. */
  readonly prediction: Value;
  /** What it should be: int64 class numbers [batch] (or [batch, time]) where `target` is "classes", else float32 like the prediction. */
  readonly target: Value;
  /** Which places of a sequence count, bool [batch, time]. */
  readonly mask: Value | undefined;
}

/** A loss function. Weights of rows and the mean over them are added by whoever trains. */
export interface Loss extends Configured {
  /** What its targets are. */
  readonly target: "classes" | "values";
  /** What makes probabilities of predictions: for classifiers. */
  readonly activation: "softmax" | "sigmoid" | "none";
  /** What the network's result is: scores of classes, or the numbers themselves. */
  readonly predicts: "classes" | "values";
  /** Whether rows of the batch bear on each other's losses, so that no step may take the batch in parts. */
  readonly mixesRows: boolean;
  /** The loss of each row, [batch]: the mean over all further dimensions. */
  perRow(inputs: LossInputs): Value;
}

/** Names of losses. */
export type LossName = Exclude<keyof typeof import("./index.js"), "defineLoss"> | "mse" | "mae";

export const losses = new Kind<Loss, LossName>("loss");

export interface LossDefinition<P extends ParamSpecs> {
  /** As Keras has it. */
  readonly type: string;
  readonly aliases?: readonly string[];
  readonly specs: P;
  /** Default "values". */
  readonly target?: Loss["target"] | ((params: Values<P>) => Loss["target"]);
  /** Default "classes". */
  readonly predicts?: Loss["predicts"];
  /** Default false. */
  readonly mixesRows?: boolean;
  /** Default "none". */
  readonly activation?: (params: Values<P>) => Loss["activation"];
  /**
   * The loss of each place, [batch] or [batch, ...]; the mean over the further dimensions is taken of it. Targets that are
   * values have the prediction's shape here.
   */
  perPlace(inputs: LossInputs, params: Values<P>): Value;
}

/**
 * Defines a loss: one record says its parameters and its operators.
 *
 * @example
 * export const meanSquaredError = nn.losses.defineLoss({
 *   type: "MeanSquaredError",
 *   specs: {},
 *   perPlace: ({ g, prediction, target }) => g.square(g.sub(prediction, target)),
 * });
 */
export function defineLoss<const P extends ParamSpecs>(definition: LossDefinition<P>): Maker<Loss, P> {
  const { type, aliases = [], specs, predicts = "classes", activation = () => "none" as const } = definition;
  return losses.define<P, readonly []>({
    type,
    aliases,
    specs,
    positional: [],
    make(params) {
      const given = definition.target ?? "values";
      const target = typeof given === "function" ? given(params) : given;
      return {
        type,
        params,
        target,
        activation: activation(params),
        predicts,
        mixesRows: definition.mixesRows ?? false,
        perRow(inputs) {
          const compared = target === "classes" ? inputs : { ...inputs, target: likePrediction(type, inputs) };
          return meanOfRows(definition.perPlace(compared, params), inputs.mask);
        },
      };
    },
  });
}
