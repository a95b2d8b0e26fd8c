/** @file Which constants of an ONNX file are weights, and which nodes come after a tensor. */

import { didYouMean, GraphError, listNames } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { readsOf } from "../graph/scope.js";
import type { Node } from "../graph/types.js";

/** Inputs of an operator that hold learned values, by place. */
const learned: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [0, 1, 2],
  MatMul: [0, 1],
  Gather: [0],
  LSTM: [1, 2, 3, 7],
  GRU: [1, 2, 3],
  RNN: [1, 2, 3],
  BatchNormalization: [1, 2],
  LayerNormalization: [1, 2],
  InstanceNormalization: [1, 2],
  GroupNormalization: [1, 2],
  RMSNormalization: [1],
  SimplifiedLayerNormalization: [1],
  SkipLayerNormalization: [2, 3, 4],
  PRelu: [1],
};

/** Operators that learned values go through element by element, such as a bias after a product. */
const elementwise = new Set(["Add", "Sub", "Mul", "Div"]);

/** Operators that only put elements elsewhere: a learned value may come through them. */
const moving = new Set(["Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Concat"]);

const known = new WeakMap<Graph, ReadonlySet<string>>();

/**
 * Names of the constants that training may change: float32, where learned values stand, or moved to there. Constants
 * of plain arithmetic count where a learned value came before them, so that means and deviations of inputs stay.
 */
export function weightsOf(graph: Graph): ReadonlySet<string> {
  const found = known.get(graph);
  if (found !== undefined) return found;
  const weights = new Set<string>();
  // a plain number is one of arithmetic, unless an operator has it for a weight, as the bias of one unit
  const isWeight = (name: string, { opType }: Node) => {
    const { dtype, shape, size } = graph.initializers.get(name)!;
    return dtype === "float32" && (size > 1 || (shape.length > 0 && opType in learned));
  };
  const after = new Set<string>();
  /** Constants that moved values are made of. */
  const moved = new Map<string, readonly string[]>();
  const constantsIn = (name: string) => (graph.initializers.has(name) ? [name] : (moved.get(name) ?? []));
  const fed = new Set(graph.inputs.map(({ name }) => name));
  for (const node of graph.nodes) {
    const isAfter = readsOf(node).some((name) => after.has(name));
    const places = learned[node.opType] ?? (isAfter && elementwise.has(node.opType) ? [0, 1] : []);
    const own = places
      .flatMap((i) => node.inputs[i] ?? [])
      .flatMap(constantsIn)
      .filter((name) => isWeight(name, node));
    for (const name of own) weights.add(name);
    const isFed = readsOf(node).some((name) => fed.has(name));
    for (const name of node.outputs) {
      if (isFed) fed.add(name);
      else if (moving.has(node.opType)) moved.set(name, node.inputs.flatMap(constantsIn));
    }
    if (isAfter || own.length > 0) for (const name of node.outputs) after.add(name);
  }
  known.set(graph, weights);
  return weights;
}

/**
 * The node that makes a tensor, has a name, or reads a weight, and all that depend on it.
 *
 * @throws GraphError where nothing has the name.
 */
export function dependentsOf(graph: Graph, name: string): ReadonlySet<Node> {
  const starts = graph.nodes.filter((node) => {
    return (
      node.outputs.includes(name) || node.name === name || (graph.initializers.has(name) && node.inputs.includes(name))
    );
  });
  if (starts.length === 0) {
    const names = graph.nodes.flatMap((node) => [...node.outputs, node.name]).filter((each) => each !== "");
    throw new GraphError(
      "OnnxNetwork",
      `no tensor, node or weight ${JSON.stringify(name)} in the model${didYouMean(name, [...names, ...graph.initializers.keys()]) || ` (it has ${listNames(new Set(names))})`}`,
    );
  }
  return reachable(graph, new Set(starts));
}

/** Some nodes and all that depend on them. */
export function reachable(graph: Graph, starts: ReadonlySet<Node>): ReadonlySet<Node> {
  const made = new Set<string>();
  const nodes = new Set<Node>();
  for (const node of graph.nodes) {
    if (!starts.has(node) && !readsOf(node).some((read) => made.has(read))) continue;
    nodes.add(node);
    for (const output of node.outputs) made.add(output);
  }
  return nodes;
}
