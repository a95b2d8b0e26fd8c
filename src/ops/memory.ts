/** @file The memory a graph needs, told before it runs. */

import { GraphError, listNames } from "../errors.js";
import { byteLengthOf } from "../graph/element-type.js";
import type { Graph } from "../graph/graph.js";
import { bodiesOf, readsOf } from "../graph/scope.js";
import type { GraphBody, ValueInfo } from "../graph/types.js";
import { sizeOf } from "../tensor/shape.js";
import { inferShapes } from "./infer.js";

/** Bytes a graph takes while it runs, one round of a loop's body included. */
export interface MemoryEstimate {
  readonly weights: number;
  /** Most that inputs and intermediate tensors take at one time. */
  readonly peak: number;
  /** The node at which that is, by its first output. */
  readonly at: string;
  /** The largest tensor. */
  readonly largest: { readonly name: string; readonly bytes: number };
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
  const unknown = new Set<string>();
  const infos = new Map<string, ValueInfo>();
  const learn = (body: GraphBody) => {
    for (const info of [...body.inputs, ...body.outputs, ...body.valueInfo.values()]) infos.set(info.name, info);
    for (const node of body.nodes) for (const inner of bodiesOf(node)) learn(inner);
  };
  learn(told);
  const bytes = (name: string): number => {
    const { dtype, shape } = infos.get(name) ?? { dtype: undefined, shape: undefined };
    const known = shape?.every((dim) => typeof dim === "number")
      ? byteLengthOf(dtype ?? "", sizeOf(shape as number[]))
      : undefined;
    if (known === undefined) unknown.add(name);
    return known ?? 0;
  };
  const { peak, at, largest } = peakOf(told, bytes);
  const weights = weightsOf(graph);
  return { weights, peak, at, largest, unknown: [...unknown] };
}

type Peak = Pick<MemoryEstimate, "peak" | "at" | "largest">;

function peakOf(body: GraphBody, bytes: (name: string) => number): Peak {
  const lastRead = lastReads(body);
  const held = new Map<string, number>();
  let largest = { name: "", bytes: 0 };
  let [live, peak, at] = [0, 0, ""];
  const hold = (name: string, size: number) => {
    held.set(name, size);
    live += size;
    if (size > largest.bytes) largest = { name, bytes: size };
  };
  for (const { name } of body.inputs) hold(name, bytes(name));
  peak = live;
  body.nodes.forEach((node, i) => {
    for (const inner of bodiesOf(node)) {
      const found = peakOf(inner, bytes);
      if (found.largest.bytes > largest.bytes) largest = found.largest;
      if (live + found.peak > peak) [peak, at] = [live + found.peak, found.at];
    }
    for (const name of node.outputs) if (name !== "") hold(name, views.has(node.opType) ? 0 : bytes(name));
    if (live > peak) [peak, at] = [live, node.outputs[0] ?? ""];
    for (const name of lastRead[i]!) live -= held.get(name) ?? 0;
  });
  return { peak, at, largest };
}

function weightsOf(body: GraphBody): number {
  const own = [...body.initializers.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  return body.nodes.flatMap(bodiesOf).reduce((sum, inner) => sum + weightsOf(inner), own);
}

/** Tensors that can go after each node. A view keeps what it shows. */
function lastReads(graph: GraphBody): string[][] {
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
