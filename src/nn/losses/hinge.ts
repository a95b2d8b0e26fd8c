/** @file Hinge losses: margins between classes. */

import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { defineLoss } from "./loss.js";

/** max(0, 1 - target * prediction); targets are -1 and 1, or 0 and 1: those above 0 count as 1, the others as -1. */
export const hinge = defineLoss({
  type: "Hinge",
  specs: {},
  perPlace: ({ g, prediction, target }) => g.relu(missing(g, prediction, target)),
});

/** max(0, 1 - target * prediction)^2, with targets as in `hinge`. */
export const squaredHinge = defineLoss({
  type: "SquaredHinge",
  specs: {},
  perPlace: ({ g, prediction, target }) => g.square(g.relu(missing(g, prediction, target))),
});

/** max(0, 1 + highest prediction of the other classes - that of the target's); targets are one-hot vectors. */
export const categoricalHinge = defineLoss({
  type: "CategoricalHinge",
  specs: {},
  perPlace({ g, prediction, target }) {
    const own = g.reduceSum(g.mul(target, prediction), { axes: [-1] });
    const other = g.reduceMax(g.mul(g.sub(1, target), prediction), { axes: [-1] });
    return g.relu(g.add(g.sub(other, own), 1));
  },
});

/** What is missing to a margin of 1. */
function missing(g: GraphBuilder, prediction: Value, target: Value): Value {
  return g.sub(1, g.where(g.greater(target, 0), prediction, g.neg(prediction)));
}
