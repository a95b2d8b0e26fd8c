/** @file vjp: gradients of a weighted sum of tensors, node by node from the last to the first. */

import { DeepframeError, GraphError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import { describeNode, readsOf } from "../graph/scope.js";
import type { Node } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { type OpTable, standardOps } from "../ops/infer.js";
import { Product } from "../ops/product.js";
import { whyNoGradient } from "../ops/unsupported.js";
import { ifGradient, loopGradient } from "./control-flow.js";
import { type OwnGradient, ownGradients } from "./own-gradient.js";
import { scanGradient } from "./scan-gradient.js";

/** A tensor and the gradient that flows into it. */
export type Seed = readonly [of: Value, seed: Value];

/**
 * Gradients of the sum of each tensor times its seed with respect to `wrt`; undefined where `wrt` has no part in them.
 * Shared subexpressions are differentiated once, nodes that lead to nothing asked for not at all.
 *
 * @throws GraphError for an operator on the way that has no gradient rule.
 */
export function vjp(
  g: GraphBuilder,
  nodes: readonly Node[],
  seeds: readonly Seed[],
  wrt: readonly Value[],
  table: OpTable = standardOps,
): (Value | undefined)[] {
  return partsOf(g, nodes, seeds, wrt, table).map((parts) => (parts.length === 0 ? undefined : sumOf(g, parts)));
}

/** What the gradients are the sums of. */
export function partsOf(
  g: GraphBuilder,
  nodes: readonly Node[],
  seeds: readonly Seed[],
  wrt: readonly Value[],
  table: OpTable,
): (readonly (Value | Product)[])[] {
  const varying = varyingFrom(nodes, wrt);
  const parts = new Map<string, (Value | Product)[]>();
  const contribute = (name: string, grad: Value | Product) => {
    const list = parts.get(name);
    if (list === undefined) parts.set(name, [grad]);
    else list.push(grad);
  };
  for (const [of, seed] of seeds) if (varying.has(of.name)) contribute(of.name, seed);
  const total = (name: string): Value | undefined => {
    const list = parts.get(name);
    if (list === undefined) return undefined;
    const sum = sumOf(g, list);
    parts.set(name, [sum]);
    return sum;
  };
  const owns = ownGradients(nodes);
  const done = new Set<OwnGradient>();
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!;
    const own = owns.get(node);
    if (own !== undefined) {
      // the last of its nodes: whatever reads its outputs came before
      if (done.has(own)) continue;
      done.add(own);
      if (!own.outputs.some(({ name }) => parts.has(name))) continue;
      g.scope(`grad/${node.outputs[0]}`, () => {
        const names = own.outputs.map(({ name }) => name);
        const grads = own.rule(
          g,
          names.map((name, at) => (names.indexOf(name) === at ? total(name) : undefined)),
        );
        grads.forEach((grad, at) => {
          const { name } = own.inputs[at]!;
          if (grad !== undefined && varying.has(name)) for (const one of [grad].flat()) contribute(name, one);
        });
      });
      continue;
    }
    if (!node.outputs.some((name) => parts.has(name)) || !readsOf(node).some((name) => varying.has(name))) continue;
    g.scope(`grad/${node.outputs[0]}`, () => {
      const dys = node.outputs.map(total);
      for (const [name, grad] of gradientsOf(g, node, dys, varying, table))
        if (varying.has(name)) contribute(name, grad);
    });
  }
  return wrt.map(({ name }) => parts.get(name) ?? []);
}

export function sumOf(g: GraphBuilder, parts: readonly (Value | Product)[]): Value {
  const [first, ...rest] = Product.combine(g, parts);
  return rest.length === 0 ? first! : g.sum(first!, ...rest);
}

/** Tensors that change when one of `wrt` does. */
function varyingFrom(nodes: readonly Node[], wrt: readonly Value[]): Set<string> {
  const varying = new Set(wrt.map(({ name }) => name));
  for (const node of nodes) {
    if (readsOf(node).some((name) => varying.has(name))) for (const name of node.outputs) varying.add(name);
  }
  varying.delete("");
  return varying;
}

/** A part of the gradient of a tensor. */
export type Contribution = readonly [name: string, grad: Value | Product];

function gradientsOf(
  g: GraphBuilder,
  node: Node,
  dys: readonly (Value | undefined)[],
  varying: ReadonlySet<string>,
  table: OpTable,
): readonly Contribution[] {
  if (node.domain === "" && node.opType === "If") return ifGradient(g, node, dys, varying, table);
  if (node.domain === "" && node.opType === "Loop") return loopGradient(g, node, dys, varying, table);
  if (node.domain === "" && node.opType === "Scan") return scanGradient(g, node, dys, varying, table);
  const record = table.get(`${node.domain}:${node.opType}`);
  if (record === undefined) {
    const opset = g.opsetOf(node.domain);
    throw new GraphError("gradient", whyNoGradient(node, opset), { node: node.name, opType: node.opType, opset });
  }
  if (record.grad === null) return [];
  const tensor = (name: string) => (name === "" ? undefined : g.tensor(name)) as Value;
  const wants = node.inputs.map((name) => varying.has(name));
  const grads = named(node, () => record.grad!(g, node, node.inputs.map(tensor), node.outputs.map(tensor), dys, wants));
  return grads.flatMap((grad, i): Contribution[] => (grad === null ? [] : [[node.inputs[i]!, grad]]));
}

/** Errors of a rule name the node whose gradient it makes. */
function named<T>(node: Node, rule: () => T): T {
  try {
    return rule();
  } catch (error) {
    if (!(error instanceof DeepframeError)) throw error;
    throw new GraphError("gradient", `of ${describeNode(node)}: ${error.message}`, { cause: error, node: node.name });
  }
}
