/** @file Logits: where losses of probabilities begin, found behind an activation where there is one. */

import { ParamError } from "../../errors.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { boolean } from "../../util/params.js";

/** The parameter of all losses that take logits or probabilities. */
export const fromLogits = boolean("whether predictions are logits rather than probabilities", { default: true });

/** Smallest probability, as in Keras: its logarithm stays finite. */
export const tiny = 1e-7;

/**
 * The logits behind a prediction. A network that ends in the activation itself gives its logits too, which are more exact
 * than the logarithm of its probabilities; undefined where there are probabilities only.
 *
 * @throws ParamError where logits were announced and the network ends in the activation.
 */
export function logitsOf(
  who: string,
  g: GraphBuilder,
  prediction: Value,
  { activation, fromLogits }: { readonly activation: "Softmax" | "Sigmoid"; readonly fromLogits: boolean },
): Value | undefined {
  const maker = g.nodes.findLast(({ outputs }) => outputs.includes(prediction.name));
  const isActivated = maker?.opType === activation;
  if (!fromLogits) return isActivated ? g.tensor(maker.inputs[0]!) : undefined;
  if (!isActivated) return prediction;
  throw new ParamError(
    who,
    `the network ends in ${activation}, but its results are taken as logits; leave the last activation out, or set fromLogits: false`,
    { param: "fromLogits" },
  );
}
