/** @file The gradient of operators that move elements: each goes back to the place it was read from. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";

/**
 * Zeros like `x`, with each element of `dy` added at the place its counterpart was read from. `read` is the operator
 * itself: applied to the numbers of x's places it gives the places read.
 */
export function putBack(g: GraphBuilder, x: Value, dy: Value, read: (places: Value) => Value): Value {
  const places = g.reshape(g.range(0, g.sizeOf(x)), g.shapeLike(x), { allowZero: true });
  const flat = (t: Value) => g.reshape(t, [-1]);
  const summed = g.scatterElements(flat(g.zerosLike(x)), flat(read(places)), flat(dy), { reduction: "add" });
  return g.reshape(summed, g.shapeLike(x), { allowZero: true });
}
