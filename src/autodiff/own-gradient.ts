/** @file Nodes that are differentiated as a whole, by a rule of their own. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Node } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import type { Product } from "../ops/product.js";

/**
 * Gradients of the inputs for those of the outputs; undefined ones are nought, of several the sum is meant. A tensor that is
 * an output twice, as the last result of one step is that of all, has its gradient at the first.
 */
export type OwnRule = (
  g: GraphBuilder,
  dys: readonly (Value | undefined)[],
) => readonly (Value | Product | readonly Product[] | undefined)[];

/** Nodes with a rule of their own. */
export interface OwnGradient {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly rule: OwnRule;
  /** How many nodes there are. */
  readonly size: number;
}

const known = new WeakMap<Node, OwnGradient>();

/**
 * Adds nodes that `differentiate`, in the same builder, takes for one: it asks `rule` instead of each node's operator. For
 * long chains of small operators whose gradient can be told in fewer. A graph that was finished has forgotten it, and its
 * nodes are differentiated one by one, with the same result.
 *
 * @param build adds the nodes; nothing but the outputs it gives may be read from outside
 */
export function withGradient(
  g: GraphBuilder,
  inputs: readonly Value[],
  build: () => { readonly outputs: readonly Value[]; readonly rule: OwnRule },
): readonly Value[] {
  const before = g.nodes.length;
  const { outputs, rule } = build();
  const nodes = g.nodes.slice(before);
  const own: OwnGradient = { inputs, outputs, rule, size: nodes.length };
  for (const node of nodes) known.set(node, own);
  return outputs;
}

/** The rules of nodes that belong together, where all of them are there. */
export function ownGradients(nodes: readonly Node[]): ReadonlyMap<Node, OwnGradient> {
  const found = new Map<OwnGradient, Node[]>();
  for (const node of nodes) {
    const own = known.get(node);
    if (own === undefined) continue;
    const list = found.get(own);
    if (list === undefined) found.set(own, [node]);
    else list.push(node);
  }
  const whole = [...found].filter(([own, list]) => list.length === own.size);
  return new Map(whole.flatMap(([own, list]) => list.map((node) => [node, own] as const)));
}
