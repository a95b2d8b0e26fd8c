/** @file Means of rows, which losses share. */

import type { Value } from "../../graph/value.js";

/** The mean of each row's elements, [batch]; with a mask [batch, time] of those places only. */
export function meanOfRows(x: Value, mask?: Value): Value {
  const rank = x.rank ?? 2;
  if (rank === 1) return x;
  const inner = Array.from({ length: rank - 2 }, (_, i) => i + 2);
  if (mask === undefined) return x.reduceMean({ axes: [1, ...inner] });
  const places = inner.length === 0 ? x : x.reduceMean({ axes: inner });
  const counted = mask.cast("float32");
  return places
    .mul(counted)
    .reduceSum({ axes: [1] })
    .div(counted.reduceSum({ axes: [1] }).max(1));
}
