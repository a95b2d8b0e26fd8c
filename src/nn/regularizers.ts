/** @file Regularizers: penalties on weights, added to the loss. */

import type { Value } from "../graph/value.js";
import { type Configured, Kind } from "../util/kind.js";
import { number } from "../util/params.js";

/** A penalty on a weight. */
export interface Regularizer extends Configured {
  /** A scalar. */
  penalty(weight: Value): Value;
}

/** Names of regularizers. */
export type RegularizerName = Exclude<keyof typeof import("./regularizers.js"), "regularizers">;

export const regularizers = new Kind<Regularizer, RegularizerName>("regularizer");

const factor = (what: string, value: number) => number(`factor of the sum of ${what}`, { default: value, min: 0 });

/** l1 * sum(|w|). */
export const l1 = regularizers.define({
  type: "L1",
  specs: { l1: factor("absolute values", 0.01) },
  positional: ["l1"],
  make: (params) => ({ type: "L1", params, penalty: (w) => w.abs().reduceSum().mul(params.l1) }),
});

/** l2 * sum(w^2), as in Keras (PyTorch's weight decay is half of it). */
export const l2 = regularizers.define({
  type: "L2",
  specs: { l2: factor("squares", 0.01) },
  positional: ["l2"],
  make: (params) => ({ type: "L2", params, penalty: (w) => w.reduceSumSquare().mul(params.l2) }),
});

/** l1 * sum(|w|) + l2 * sum(w^2). */
export const l1l2 = regularizers.define({
  type: "L1L2",
  specs: { l1: factor("absolute values", 0), l2: factor("squares", 0) },
  positional: [],
  make: (params) => ({
    type: "L1L2",
    params,
    penalty: (w) => w.abs().reduceSum().mul(params.l1).add(w.reduceSumSquare().mul(params.l2)),
  }),
});
