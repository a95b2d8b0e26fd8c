/** @file The memory a graph needs, told before it runs. */

import { GraphError, listNames } from "../errors.js";
import { byteLengthOf } from "../graph/element-type.js";
import type { Graph } from "../graph/graph.js";
import { readsOf } from "../graph/scope.js";
import type { ValueInfo } from "../graph/types.js";
import { sizeOf } from "../tensor/shape.js";
import { inferShapes } from "./infer.js";

/** Bytes a graph takes while it runs. */
export interface MemoryEstimate {
  readonly weights: number;
  /** Most that inputs and intermediate tensors take at one time. */
  readonly peak: number;
  /** The node at which that is, by its first output. */
  readonly at: string;
  /** Tensors whose size cannot be told; they are not counted. */
  readonly unknown: readonly string[];
}

/** These give the elements they get: the runtime does not copy them. */
const views = new Set(["Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"]);

/**
 * Estimates a run's memory from the shapes: every tensor lives from the node that makes it to the last one that reads it.
 * The runtime may need less, where it writes results over inputs, and more for work space of its kernels.
 *
 * @param sizes A number for each named size of the inputs.
 * @throws GraphError where a named size of an input has no number.
 * @example estimateMemory(step, { batch: 64 }).peak / 2 ** 20 // MiB
 */
export function estimateMemory(graph: Graph, sizes: Readonly<Record<string, number>> = {}): MemoryEstimate {
  const inputs = graph.inputs.map(
    (info): ValueInfo => ({ ...info, shape: info.shape?.map((dim) => sizes[dim] ?? dim) }),
  );
  const open = inputs.flatMap(({ shape }) => shape?.filter((dim) => typeof dim === "string") ?? []);
  if (open.length > 0) {
    throw new GraphError("estimateMemory", `the inputs have sizes ${listNames(new Set(open))}; give a number for each`);
  }
  // shapes that the file tells may name sizes that are numbers now
  const outputs = graph.outputs.map((info) => ({ ...info, shape: undefined }));
  const told = inferShapes(graph.with({ inputs, outputs, valueInfo: new Map() }));
  const infos = new Map([...told.inputs, ...told.outputs, ...told.valueInfo.values()].map((info) => [info.name, info]));
  const unknown: string[] = [];
  const bytes = (name: string): number => {
    const { dtype, shape } = infos.get(name) ?? { dtype: undefined, shape: undefined };
    const known = shape?.every((dim) => typeof dim === "number")
      ? byteLengthOf(dtype ?? "", sizeOf(shape as number[]))
      : undefined;
    if (known === undefined) unknown.push(name);
    return known ?? 0;
  };
  const lastRead = lastReads(told);
  const sizesByName = new Map<string, number>();
  let [live, peak, at] = [0, 0, ""];
  const hold = (name: string, size: number) => {
    sizesByName.set(name, size);
    live += size;
  };
  for (const { name } of told.inputs) hold(name, bytes(name));
  peak = live;
  told.nodes.forEach((node, i) => {
    for (const name of node.outputs) if (name !== "") hold(name, views.has(node.opType) ? 0 : bytes(name));
    if (live > peak) [peak, at] = [live, node.outputs[0] ?? ""];
    for (const name of lastRead[i]!) live -= sizesByName.get(name) ?? 0;
  });
  const weights = [...graph.initializers.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  return { weights, peak, at, unknown };
}

/** Tensors that can go after each node. A view keeps what it shows. */
function lastReads(graph: Graph): string[][] {
  const shown = new Map<string, string>();
  const source = (name: string): string => shown.get(name) ?? name;
  const last = new Map<string, number>();
  graph.nodes.forEach((node, i) => {
    if (views.has(node.opType)) shown.set(node.outputs[0]!, source(node.inputs[0]!));
    for (const name of node.outputs) last.set(source(name), i);
    for (const name of readsOf(node)) last.set(source(name), i);
  });
  for (const { name } of graph.outputs) last.delete(source(name));
  const result: string[][] = graph.nodes.map(() => []);
  for (const [name, i] of last) result[i]!.push(name);
  return result;
}
