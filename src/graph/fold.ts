/** @file Constant folding: what depends on constants alone is computed once and becomes a constant. */

import type { Tensor } from "../tensor/tensor.js";
import type { Graph } from "./graph.js";
import { constantNames, readsOf } from "./scope.js";
import { StoredTensor } from "./stored-tensor.js";
import type { Node } from "./types.js";

export interface FoldOptions {
  /** Runs a graph: the runtime's `run`. */
  readonly run: (graph: Graph, feeds: Readonly<Record<string, Tensor>>) => Promise<Readonly<Record<string, Tensor>>>;
  /** Weights larger than this in all stay computed; default 1 GiB. */
  readonly maxBytes?: number;
}

/** These give something else each time, or something large out of little. */
const kept = new Set([
  "Bernoulli",
  "ConstantOfShape",
  "Dropout",
  "Expand",
  "If",
  "Loop",
  "Multinomial",
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "Range",
  "Scan",
  "Tile",
]);

/**
 * The graph with everything that constants alone decide as constants: weights that are stored small become float32 again,
 * computed shapes plain numbers.
 *
 * @example const plain = await foldConstants(graph.weightsTo("int8"), { run });
 */
export async function foldConstants(graph: Graph, { run, maxBytes = 2 ** 30 }: FoldOptions): Promise<Graph> {
  const fixed = new Set(constantNames(graph));
  for (const { name } of graph.defaults) fixed.delete(name);
  const foldable = new Set<Node>();
  for (const node of graph.nodes) {
    if (kept.has(node.opType) || (node.domain !== "" && node.domain !== "com.microsoft")) continue;
    if (!readsOf(node).every((name) => fixed.has(name))) continue;
    foldable.add(node);
    for (const name of node.outputs) if (name !== "") fixed.add(name);
  }
  const made = new Set([...foldable].flatMap(({ outputs }) => outputs));
  const rest = graph.nodes.filter((node) => !foldable.has(node));
  const read = [...rest.flatMap(readsOf), ...graph.outputs.map(({ name }) => name)];
  const wanted = [...new Set(read.filter((name) => made.has(name)))];
  if (wanted.length === 0) return graph;
  const values = await run(graph.cutAt(wanted).with({ inputs: [] }), {});
  const total = Object.values(values).reduce((sum, { data }) => sum + ("byteLength" in data ? data.byteLength : 0), 0);
  if (total > maxBytes) return graph;
  const constants = wanted.map((name) => [name, StoredTensor.of(values[name]!)] as const);
  const initializers = new Map([...graph.initializers, ...constants]);
  // before format version 4 each constant had to be an input too
  return graph.with({ nodes: rest, initializers, irVersion: Math.max(graph.irVersion, 4) }).prune();
}
