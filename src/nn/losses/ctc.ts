/** @file CTC: sequences whose places are not aligned with their labels. */

import { ShapeError } from "../../errors.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { scanOver } from "../../ops/rounds.js";
import type { DType } from "../../tensor/dtype.js";
import { defineLoss } from "./loss.js";

/** A logarithm of (almost) nothing: adding some of them stays finite. */
const never = -1e30;

/**
 * Connectionist temporal classification (Graves et al., 2006), as Keras's CTC: predictions are logits [batch, time, classes],
 * class 0 is the blank, targets are int64 labels [batch, length], filled up with 0. A mask shortens the predictions. The loss of
 * a row is -log of the probability of its labels, not divided by their number; labels that cannot fit count 1e30.
 */
export const ctc = defineLoss({
  type: "CTC",
  specs: {},
  target: "classes",
  activation: () => "softmax",
  perPlace({ g, prediction, target, mask }) {
    const [steps, length] = [prediction.shape?.[1], target.shape?.[1]];
    if (prediction.rank !== 3 || target.rank !== 2 || typeof steps !== "number" || typeof length !== "number") {
      throw new ShapeError(
        "CTC",
        `predictions [batch, time, classes] and targets [batch, length] of known time and length expected, ` +
          `got [${prediction.shape?.join(", ") ?? "?"}] and [${target.shape?.join(", ") ?? "?"}]`,
      );
    }
    const dtype = (prediction.dtype ?? "float32") as DType;
    const path = withBlanks(g, target);
    const places = g.tile(g.unsqueeze(path, [1]), [1, steps, 1]);
    const emitted = g.gatherElements(g.logSoftmax(prediction), places, { axis: 2 });
    // a label may follow another without a blank between, unless both are the same
    const before = g.pad(g.slice(path, [0], [-2], { axes: [1] }), [0, 2, 0, 0], { value: 0 });
    const skips = g.and(g.not(g.equal(path, 0)), g.not(g.equal(path, before)));
    const skip = g.where(skips, g.constant(0, dtype), g.constant(never, dtype));
    // before the first step there is nothing yet, with certainty
    const first = Array.from({ length: 2 * length + 1 }, (_, i) => (i === 0 ? 0 : never));
    const states = [g.add(g.zerosLike(g.cast(path, dtype)), g.constant(first, dtype))] as const;
    const shown = mask === undefined ? [] : [g.unsqueeze(g.transpose(mask, [1, 0]), [2])];
    const slices = [g.transpose(emitted, [1, 0, 2]), ...shown];
    const [ends] = scanOver(g, { states, slices }, (b, [log], [step, isShown]) => {
      const padded = b.pad(log, [0, 2, 0, 0], { value: never });
      const one = b.slice(padded, [1], [-1], { axes: [1] });
      const two = b.add(b.slice(padded, [0], [-2], { axes: [1] }), skip);
      const next = b.add(logSum(b, [log, one, two]), step!);
      return [isShown === undefined ? next : b.where(isShown, next, log)];
    });
    // it ends in the last label or the blank after it
    const labels = g.reduceSum(g.cast(g.not(g.equal(target, 0)), "int64"), { axes: [1], keepdims: true });
    const last = g.mul(labels, 2);
    const ending = g.gatherElements(ends, last, { axis: 1 });
    const previous = g.gatherElements(ends, g.max(g.sub(last, 1), 0), { axis: 1 });
    const other = g.where(g.equal(labels, 0), g.constant(never, dtype), previous);
    return g.reshape(g.neg(logSum(g, [ending, other])), [-1]);
  },
});

/** Labels with a blank before, between and after: [batch, 2 length + 1]. */
function withBlanks(g: GraphBuilder, labels: Value): Value {
  const pairs = g.pad(g.unsqueeze(labels, [2]), [0, 0, 1, 0, 0, 0], { value: 0 });
  return g.pad(g.reshape(pairs, [0, -1]), [0, 0, 0, 1], { value: 0 });
}

/** log(e^a + e^b + ...) of tensors of the same shape. */
function logSum(g: GraphBuilder, tensors: readonly Value[]): Value {
  const [first, ...others] = tensors.map((x) => g.unsqueeze(x, [0]));
  return g.reduceLogSumExp(g.concat(first!, others, { axis: 0 }), { axes: [0], keepdims: false });
}
