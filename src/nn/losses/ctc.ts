/** @file CTC: sequences whose places are not aligned with their labels. */

import { ShapeError } from "../../errors.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import type { DType } from "../../tensor/dtype.js";
import { defineLoss } from "./loss.js";

/** A logarithm of (almost) nothing: adding some of them stays finite. */
const never = -1e30;

/**
 * Connectionist temporal classification (Graves et al., 2006), as Keras's CTC: predictions are logits [batch, time, classes],
 * class 0 is the blank, targets are int64 labels [batch, length], filled up with 0. A mask shortens the predictions. The loss of
 * a row is -log of the probability of its labels, not divided by their number; labels that cannot fit count 1e30.
 *
 * The recursion over time is written out, so a graph has about 15 operators per step.
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
    const emitted = g.gatherElements(g.logSoftmax(prediction), along(g, path, steps), { axis: 2 });
    // a label may follow another without a blank between, unless both are the same
    const before = g.pad(g.slice(path, [0], [-2], { axes: [1] }), [0, 2, 0, 0], { value: 0 });
    const skips = g.and(g.not(g.equal(path, 0)), g.not(g.equal(path, before)));
    const skip = g.where(skips, g.constant(0, dtype), g.constant(never, dtype));
    const first = g.constant(
      Array.from({ length: 2 * length + 1 }, (_, i) => (i < 2 ? 0 : never)),
      dtype,
    );
    let log = g.add(at(g, emitted, 0), first);
    for (let t = 1; t < steps; t++) {
      const padded = g.pad(log, [0, 2, 0, 0], { value: never });
      const one = g.slice(padded, [1], [-1], { axes: [1] });
      const two = g.add(g.slice(padded, [0], [-2], { axes: [1] }), skip);
      const next = g.add(logSum(g, [log, one, two]), at(g, emitted, t));
      log = mask === undefined ? next : g.where(g.slice(mask, [t], [t + 1], { axes: [1] }), next, log);
    }
    // it ends in the last label or the blank after it
    const labels = g.reduceSum(g.cast(g.not(g.equal(target, 0)), "int64"), { axes: [1], keepdims: true });
    const last = g.mul(labels, 2);
    const ending = g.gatherElements(log, last, { axis: 1 });
    const previous = g.gatherElements(log, g.max(g.sub(last, 1), 0), { axis: 1 });
    const other = g.where(g.equal(labels, 0), g.constant(never, dtype), previous);
    return g.squeeze(g.neg(logSum(g, [ending, other])), [1]);
  },
});

/** Labels with a blank before, between and after: [batch, 2 length + 1]. */
function withBlanks(g: GraphBuilder, labels: Value): Value {
  const pairs = g.pad(g.unsqueeze(labels, [2]), [0, 0, 1, 0, 0, 0], { value: 0 });
  return g.pad(g.reshape(pairs, [0, -1]), [0, 0, 0, 1], { value: 0 });
}

/** The path for every step: [batch, time, path]. */
function along(g: GraphBuilder, path: Value, steps: number): Value {
  return g.tile(g.unsqueeze(path, [1]), [1, steps, 1]);
}

function at(g: GraphBuilder, x: Value, step: number): Value {
  return g.gather(x, step, { axis: 1 });
}

/** log(e^a + e^b + ...), element by element. */
function logSum(g: GraphBuilder, [first, ...others]: readonly Value[]): Value {
  const stacked = g.concat(
    g.unsqueeze(first!, [0]),
    others.map((x) => g.unsqueeze(x, [0])),
    { axis: 0 },
  );
  return g.reduceLogSumExp(stacked, { axes: [0] });
}
