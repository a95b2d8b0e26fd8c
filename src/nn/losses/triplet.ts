/** @file Triplet loss with semi-hard negatives. */

import type { Value } from "../../graph/value.js";
import { choice, number } from "../../util/params.js";
import { defineLoss, type LossInputs } from "./loss.js";

/**
 * Brings rows of one class together and others apart (Schroff et al., 2015), as TensorFlow Addons' TripletSemiHardLoss:
 * for every two rows of a class, the nearest row of another class that is farther away, or else the farthest.
 * Predictions are vectors [batch, size], best of length 1; targets are class numbers. Memory grows with batch^3.
 *
 * @example nn.losses.tripletSemiHard({ margin: 0.5 })
 */
export const tripletSemiHard = defineLoss({
  type: "TripletSemiHard",
  predicts: "values",
  mixesRows: true,
  specs: {
    margin: number("how much farther away rows of other classes should be", { default: 1, min: 0 }),
    distance: choice("what is compared", ["L2", "squaredL2"], { default: "L2" }),
  },
  target: "classes",
  perPlace({ g, prediction, target }, { margin, distance }) {
    const labels = g.reshape(target, [-1]);
    const apart = distances(g, prediction, distance);
    const same = g.equal(g.unsqueeze(labels, [1]), g.unsqueeze(labels, [0]));
    const other = g.not(same);
    // [anchor, positive, negative]
    const toNegative = g.unsqueeze(apart, [1]);
    const farther = g.and(g.unsqueeze(other, [1]), g.greater(toNegative, g.unsqueeze(apart, [2])));
    const nearest = g.reduceMin(g.where(farther, toNegative, far), { axes: [2] });
    const farthest = g.reduceMax(g.where(other, apart, 0), { axes: [1], keepdims: true });
    const negative = g.where(g.less(nearest, far), nearest, farthest);
    const dtype = prediction.dtype === "float64" ? "float64" : "float32";
    // a row is no positive of itself
    const rows = g.gather(g.shapeOf(labels), 0);
    const self = g.cast(g.oneHot(g.range(0, rows), rows), dtype);
    const positive = g.sub(g.cast(same, dtype), self);
    const loss = g.mul(g.relu(g.add(g.sub(apart, negative), margin)), positive);
    const count = g.max(g.reduceSum(positive), 1);
    // so that the mean over the rows is the mean over pairs
    return g.mul(g.reduceSum(loss, { axes: [1] }), g.div(g.cast(rows, dtype), count));
  },
});

/** Farther than any row. */
const far = 1e30;

/** [rows, rows]; the root's slope at 0 is left out, where it is infinite. */
function distances(g: LossInputs["g"], x: Value, kind: "L2" | "squaredL2"): Value {
  const squares = g.reduceSum(g.square(x), { axes: [1] });
  const products = g.matmul(x, g.swapLast(x));
  const squared = g.relu(g.sub(g.add(g.unsqueeze(squares, [1]), g.unsqueeze(squares, [0])), g.mul(products, 2)));
  if (kind === "squaredL2") return squared;
  const isZero = g.lessOrEqual(squared, 0);
  return g.where(isZero, 0, g.sqrt(g.where(isZero, 1, squared)));
}
