/** @file Sequences of steps, [steps * batch, features]: cut into the steps, and joined again. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";

/** The rows in `count` pieces of equal size. */
export function pieces(g: GraphBuilder, rows: Value, count: number): readonly Value[] {
  return count === 1 ? [rows] : g.split(rows, count);
}

/** Pieces as one tensor. */
export function join(g: GraphBuilder, [first, ...rest]: readonly Value[], axis = 0): Value {
  return rest.length === 0 ? first! : g.concat(first!, rest, { axis });
}
