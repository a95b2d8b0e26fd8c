/** @file join: pieces as one tensor. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";

export function join(g: GraphBuilder, [first, ...rest]: readonly Value[], axis = 0): Value {
  return rest.length === 0 ? first! : g.concat(first!, rest, { axis });
}
