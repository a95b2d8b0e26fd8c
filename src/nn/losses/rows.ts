/** @file Rows of predictions and targets: shapes that fit each other, means; what losses share. */

import { ShapeError } from "../../errors.js";
import type { Value } from "../../graph/value.js";
import type { DType } from "../../tensor/dtype.js";

/** The mean of each row's elements, [batch]; with a mask [batch, time] of those places only. */
export function meanOfRows(x: Value, mask?: Value): Value {
  const rank = x.rank ?? 2;
  if (rank === 1) return x;
  const inner = Array.from({ length: rank - 2 }, (_, i) => i + 2);
  if (mask === undefined) return x.reduceMean({ axes: [1, ...inner] });
  const places = inner.length === 0 ? x : x.reduceMean({ axes: inner });
  const counted = mask.cast((x.dtype ?? "float32") as DType);
  return places
    .mul(counted)
    .reduceSum({ axes: [1] })
    .div(counted.reduceSum({ axes: [1] }).max(1));
}

/**
 * The target with the prediction's shape: [batch] beside [batch, 1] would be broadcast to [batch, batch].
 *
 * @throws ShapeError where the two do not fit.
 */
export function likePrediction(
  who: string,
  { prediction, target }: { readonly prediction: Value; readonly target: Value },
): Value {
  const [wanted, found] = [prediction.shape, target.shape];
  if (wanted === undefined || found === undefined) return target;
  if (found.length === wanted.length - 1 && wanted.at(-1) === 1) return target.unsqueeze([-1]);
  if (found.length === wanted.length + 1 && found.at(-1) === 1) return target.squeeze([-1]);
  const fits = found.length === wanted.length && found.every((size, i) => sameSize(size, wanted[i]!));
  if (fits) return target;
  const mend =
    found.length === wanted.length - 1
      ? 'for class numbers take a loss of those, such as "crossEntropy"; otherwise end the network in one output'
      : "give the network as many outputs as the targets have";
  throw new ShapeError(
    who,
    `targets of the prediction's shape [${wanted.join(", ")}] expected, got [${found.join(", ")}]; ${mend}`,
    { expected: wanted, got: found },
  );
}

/** Sizes with names may turn out equal. */
function sameSize(a: number | string, b: number | string): boolean {
  return typeof a === "string" || typeof b === "string" || a === b;
}
