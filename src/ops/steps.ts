/** @file Sequences of steps, [steps * batch, features]: cut into the steps or segments of them, and joined again. */

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

/** What steps left, each kind of tensor joined. */
export function joinEach<K extends string>(
  g: GraphBuilder,
  steps: readonly Readonly<Record<K, Value>>[],
): Readonly<Record<K, Value>> {
  const kinds = Object.keys(steps[0]!) as K[];
  const joined = kinds.map((kind) => {
    const each = steps.map((step) => step[kind]);
    return [kind, join(g, each)];
  });
  return Object.fromEntries(joined);
}

/** A list in parts of these lengths. */
export function parts<T>(list: readonly T[], lengths: readonly number[]): readonly (readonly T[])[] {
  const rest = [...list];
  return lengths.map((length) => rest.splice(0, length));
}
