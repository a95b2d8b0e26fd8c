/** @file gradient: reverse-mode differentiation of a graph, as a graph. */

import { GraphError, ShapeError } from "../errors.js";
import { baseOpset } from "../graph/builder.js";
import type { Graph } from "../graph/graph.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { describeNode, readsOf, requireNames } from "../graph/scope.js";
import type { Node } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { type OpTable, shapeRules, standardOps, tableOf } from "../ops/infer.js";
import type { OpRecord } from "../ops/op.js";
import { formatShape } from "../tensor/shape.js";

export interface GradientOptions {
  /** The scalar to differentiate. */
  readonly of: string;
  /** Tensors to differentiate with respect to: inputs, weights or anything between. */
  readonly wrt: readonly string[];
  /** Records of operators that ONNX lacks, or that replace this library's. */
  readonly ops?: readonly OpRecord[];
}

const who = "gradient";

/**
 * Adds the gradient of a scalar as outputs `grad/<name>`, made of plain ONNX operators. Only what those need is computed;
 * the graph's own outputs stay. The result is a graph like any other, so gradients of gradients work.
 *
 * @throws GraphError where a name is missing or an operator has no gradient rule, ShapeError where `of` is no scalar.
 * @example
 * const step = gradient(graph, { of: "loss", wrt: ["W", "b"] }); // outputs: loss, grad/W, grad/b
 */
export function gradient(graph: Graph, { of, wrt, ops = [] }: GradientOptions): Graph {
  requireNames(graph, [of, ...wrt], who);
  const table: OpTable = ops.length === 0 ? standardOps : new Map([...standardOps, ...tableOf(ops)]);
  const base = (graph.opsets.get("") ?? baseOpset) < baseOpset ? graph.atOpset(baseOpset) : graph;
  const g = GraphBuilder.of(base, { rules: shapeRules(table) });
  const grads = differentiate(
    g,
    base.nodes,
    g.tensor(of),
    wrt.map((name) => g.tensor(name)),
    table,
  );
  const outputs: Record<string, Value> = Object.fromEntries(base.outputs.map(({ name }) => [name, g.tensor(name)]));
  wrt.forEach((name, i) => {
    outputs[`grad/${name}`] = grads[i]!;
  });
  return g.finish(outputs);
}

/** The gradients of the scalar `of` with respect to `wrt`, added to the graph that is being built. */
export function differentiate(
  g: GraphBuilder,
  nodes: readonly Node[],
  of: Value,
  wrt: readonly Value[],
  table: OpTable = standardOps,
): Value[] {
  if (of.shape?.some((dim) => typeof dim === "number" && dim !== 1)) {
    throw new ShapeError(
      who,
      `"${of.name}" must be a scalar, got shape ${formatShape(of.shape)}; reduce it, with reduceMean() or a weighting`,
    );
  }
  return vjp(g, nodes, [[of, g.onesLike(of)]], wrt, table).map((grad, i) => grad ?? g.zerosLike(wrt[i]!));
}

/** Gradients of the sum of each output times its seed; undefined where `wrt` has no part in them. */
export function vjp(
  g: GraphBuilder,
  nodes: readonly Node[],
  seeds: readonly (readonly [of: Value, seed: Value])[],
  wrt: readonly Value[],
  table: OpTable = standardOps,
): (Value | undefined)[] {
  // tensors that change when one of wrt does
  const varying = new Set(wrt.map(({ name }) => name));
  for (const node of nodes) {
    if (readsOf(node).some((name) => varying.has(name))) for (const name of node.outputs) varying.add(name);
  }
  varying.delete("");
  const parts = new Map<string, Value[]>();
  const contribute = (name: string, grad: Value) => {
    const list = parts.get(name);
    if (list === undefined) parts.set(name, [grad]);
    else list.push(grad);
  };
  for (const [of, seed] of seeds) if (varying.has(of.name)) contribute(of.name, seed);
  const total = (name: string): Value | undefined => {
    const list = parts.get(name);
    if (list === undefined) return undefined;
    if (list.length > 1) parts.set(name, [g.sum(list[0]!, ...list.slice(1))]);
    return parts.get(name)![0];
  };
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!;
    if (!node.outputs.some((name) => parts.has(name)) || !readsOf(node).some((name) => varying.has(name))) continue;
    const record = table.get(`${node.domain}:${node.opType}`);
    if (record === undefined) {
      throw new GraphError(
        who,
        `${describeNode(node)} has no gradient rule; differentiate with respect to what comes after it, or pass a rule in ops`,
        { node: node.name, opType: node.opType },
      );
    }
    if (record.grad === null) continue;
    const wants = node.inputs.map((name) => varying.has(name));
    const values = node.inputs.map((name) => (name === "" ? undefined : g.tensor(name)) as Value);
    const outputs = node.outputs.map((name) => (name === "" ? undefined : g.tensor(name)) as Value);
    const grads = g.scope(`grad/${node.outputs[0]}`, () =>
      record.grad!(g, node, values, outputs, node.outputs.map(total), wants),
    );
    grads.forEach((grad, k) => {
      if (grad !== null && wants[k]) contribute(node.inputs[k]!, grad);
    });
  }
  return wrt.map(({ name }) => total(name));
}
