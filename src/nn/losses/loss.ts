/** @file Loss: how far predictions are from what they should be, as operators. */

import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { type Configured, Kind } from "../../util/kind.js";

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
  /** The loss of each row, [batch]: the mean over all further dimensions. */
  perRow(inputs: LossInputs): Value;
}

export const losses = new Kind<Loss>("loss");
