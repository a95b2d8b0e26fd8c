/** @file gradient: reverse-mode differentiation of a graph, as a graph. */

import { ShapeError } from "../errors.js";
import { baseOpset } from "../graph/builder.js";
import type { Graph } from "../graph/graph.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { inlineFunction } from "../graph/inline.js";
import { readsOf, requireNames } from "../graph/scope.js";
import type { Node } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { type OpTable, shapeRules, standardOps, tableOf } from "../ops/infer.js";
import type { OpRecord } from "../ops/op.js";
import { formatShape } from "../tensor/shape.js";
import { vjp } from "./vjp.js";

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
  const g = differentiable(base, of, wrt, table);
  const grads = differentiate(
    g,
    [...g.nodes],
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

/**
 * The gradients of the scalar `of` with respect to `wrt`, added to the graph that is being built; `nodes` are those that
 * lead from `wrt` to `of`.
 */
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

/** The graph in a builder, with what lies between `wrt` and `of` written in operators that have gradient rules. */
function differentiable(graph: Graph, of: string, wrt: readonly string[], table: OpTable): GraphBuilder {
  const onPath = pathNodes(graph.nodes, of, wrt);
  const functions = new Map(graph.functions.map((f) => [`${f.domain}:${f.name}`, f]));
  return GraphBuilder.of(graph, {
    rules: shapeRules(table),
    expand(g, node) {
      if (!onPath.has(node)) return undefined;
      const key = `${node.domain}:${node.opType}`;
      const own = functions.get(key);
      if (own !== undefined) return inlineFunction(g, own, node);
      const values = node.inputs.map((name) => (name === "" ? undefined : g.tensor(name)) as Value);
      return g.scope(node.outputs[0] ?? node.opType, () => table.get(key)?.expand?.(g, node, values));
    },
  });
}

/** Nodes through which one of `wrt` changes `of`. */
function pathNodes(nodes: readonly Node[], of: string, wrt: readonly string[]): Set<Node> {
  const varying = new Set(wrt);
  const forward = nodes.filter((node) => {
    if (!readsOf(node).some((name) => varying.has(name))) return false;
    for (const name of node.outputs) varying.add(name);
    return true;
  });
  const needed = new Set([of]);
  const path = new Set<Node>();
  for (const node of forward.reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    path.add(node);
    for (const name of readsOf(node)) needed.add(name);
  }
  return path;
}
