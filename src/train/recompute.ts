/** @file Gradients for which results of layers are computed a second time instead of kept (gradient checkpointing). */

import { differentiate } from "../autodiff/gradient.js";
import { vjp } from "../autodiff/vjp.js";
import { renameNode } from "../graph/edit.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import { readsOf } from "../graph/scope.js";
import type { Node } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { segmentsOf } from "./segments.js";

/**
 * The gradients of the scalar `loss` with respect to `wrt`, as `differentiate` gives them. The nodes from number `from` on
 * are cut into segments; of all but the last only what later ones read is kept, and the rest is computed again when the
 * gradients come by (Chen et al., 2016): a third more time, and memory like the root of the number of layers.
 */
export function recomputedGradients(g: GraphBuilder, from: number, loss: Value, wrt: readonly Value[]): Value[] {
  const before = g.nodes.slice(0, from);
  const segments = segmentsOf(g, g.nodes.slice(from));
  if (segments.length < 2) return differentiate(g, [...g.nodes], loss, wrt);
  const weights = dependentsOf(before, wrt);
  const rows = new Set(before.flatMap(({ outputs }) => outputs).filter((name) => !weights.has(name)));
  const grads = new Map<string, Value>([[loss.name, g.onesLike(loss)]]);
  /** The gradients that have come to tensors in `names`. */
  const seedsOf = (names: ReadonlySet<string>) => [...grads].filter(([name]) => names.has(name));

  let earlier = new Set(segments.flat().flatMap(({ outputs }) => outputs));
  for (const [i, segment] of [...segments.entries()].reverse()) {
    const made = new Set(segment.flatMap(({ outputs }) => outputs));
    earlier = new Set([...earlier].filter((name) => !made.has(name)));
    const seeds = seedsOf(made);
    if (seeds.length === 0) continue;
    const read = [...new Set(segment.flatMap(readsOf))];
    const kept = read.filter((name) => earlier.has(name));
    const isLast = i === segments.length - 1;
    const copies = isLast
      ? new Map<string, string>()
      : late(g, [...kept, ...read.filter((name) => rows.has(name))], seeds[0]![1]);
    const nodes = isLast ? segment : again(g, segment, copies);
    const now = (name: string) => g.tensor(copies.get(name) ?? name);
    const sources = [...kept, ...read.filter((name) => weights.has(name))];
    const found = vjp(
      g,
      nodes,
      seeds.map(([name, seed]) => [now(name), seed]),
      sources.map(now),
    );
    for (const [at, name] of sources.entries()) {
      const [known, grad] = [grads.get(name), found[at]];
      if (grad !== undefined) grads.set(name, known === undefined ? grad : g.add(known, grad));
    }
  }
  const seeds = seedsOf(weights).map(([name, grad]) => [g.tensor(name), grad] as const);
  return vjp(g, before, seeds, wrt).map((grad, i) => grad ?? g.zerosLike(wrt[i]!));
}

/** Tensors that change with one of `wrt`, themselves among them. */
function dependentsOf(nodes: readonly Node[], wrt: readonly Value[]): Set<string> {
  const found = new Set(wrt.map(({ name }) => name));
  for (const node of nodes) {
    if (readsOf(node).some((name) => found.has(name))) for (const name of node.outputs) found.add(name);
  }
  return found;
}

/**
 * The tensors under new names, as they are but not before `grad` is there: else the runtime would find the second
 * computation equal to the first, and keep the first one's results after all. They are copied, which takes little time
 * beside the computation. (A Reshape would not copy, but the runtime fails where it joins it with another one.)
 */
function late(g: GraphBuilder, names: readonly string[], grad: Value): Map<string, string> {
  const element = g.gather(g.reshape(grad, [-1]), g.ints([0]));
  // 0 whatever the element is, NaN too, which no optimizer of graphs sees
  const zero = g.cast(g.less(element, Number.NEGATIVE_INFINITY), "int64");
  const copies = new Map<string, string>();
  for (const name of names) {
    const tensor = g.tensor(name);
    // what follows from a tensor of unknown form alone is kept
    if (tensor.rank === undefined) continue;
    // 1 leaves a size as it is
    const sizes = g.add(g.ints(new Array<number>(tensor.rank).fill(1)), zero);
    const outputs = [g.fresh(name)];
    const node = { opType: "Expand", domain: "", name: "", inputs: [name, sizes.name], outputs, attrs: new Map() };
    g.addNode(node, { like: [tensor] });
    copies.set(name, outputs[0]!);
  }
  return copies;
}

/** The nodes once more, reading copies where there are some; the names of their results are added to those. */
function again(g: GraphBuilder, nodes: readonly Node[], copies: Map<string, string>): Node[] {
  return nodes.map((node) => {
    for (const name of node.outputs) if (name !== "") copies.set(name, g.fresh(name));
    const copy = { ...renameNode(node, (name) => copies.get(name) ?? name), name: "" };
    g.addNode(copy);
    return copy;
  });
}
