/** @file The memory of a training run, told before it begins where it would not do. */

import { EngineError, type Who } from "../errors.js";
import { byteLengthOf } from "../graph/element-type.js";
import type { Graph } from "../graph/graph.js";
import { bodiesOf } from "../graph/scope.js";
import type { GraphBody } from "../graph/types.js";
import type { WeightSpec } from "../nn/build.js";
import { estimateMemory } from "../ops/memory.js";
import { formatShape, sizeOf } from "../tensor/shape.js";
import { formatBytes } from "../util/format.js";

export interface MemoryNeeds {
  readonly who: Who;
  /** Bytes that there are. */
  readonly free: number;
  readonly batchSize: number;
  /** How many threads run the graph at once; default 1. */
  readonly threads?: number;
  /** Whether `recompute` could be set. */
  readonly mayRecompute: boolean;
}

/**
 * @throws EngineError where a step would take more than there is, with its largest tensor.
 */
export function requireMemory(graph: Graph, { who, free, batchSize, threads = 1, mayRecompute }: MemoryNeeds): void {
  // looking closely takes a while, and nearly always there is enough for all tensors at once
  if (threads * allBytes(graph) < free) return;
  const names = graph.inputs.flatMap(({ shape }) => shape?.filter((dim) => typeof dim === "string") ?? []);
  const { peak, largest, weights } = estimateMemory(graph, Object.fromEntries(names.map((name) => [name, 1])));
  const needed = threads * (weights + peak);
  if (needed < free) return;
  const mend = mayRecompute ? "set recompute: true or a smaller batchSize" : "set a smaller batchSize";
  const message = `a step on ${batchSize} rows takes about ${formatBytes(needed)}, and ${formatBytes(free)} are free; its largest tensor is "${largest.name}" with ${formatBytes(largest.bytes)}; ${mend}`;
  throw new EngineError(who, message, { code: "MEMORY", needed, free, tensor: largest.name, bytes: largest.bytes });
}

/**
 * @throws EngineError where the weights alone, with a gradient and what the optimizer keeps of each, take more than there is. A
 * step reads what it carries and writes it anew, so that it is there twice.
 */
export function requireWeightMemory(weights: readonly WeightSpec[], slots: number, who: Who, free: number): void {
  const bytesOf = ({ shape, trainable }: WeightSpec) => 4 * sizeOf(shape) * (trainable ? 2 * (1 + slots) + 1 : 1);
  const needed = weights.reduce((sum, weight) => sum + bytesOf(weight), 0);
  const largest = weights.reduce(
    (most, weight) => (sizeOf(weight.shape) > sizeOf(most.shape) ? weight : most),
    weights[0]!,
  );
  // one weight is one typed array, and one tensor of a file, of less than 2 GiB
  const isTooLong = 4 * sizeOf(largest.shape) > 2 ** 31 - 1;
  if (needed < free && !isTooLong) return;
  const bytes = 4 * sizeOf(largest.shape);
  const found = isTooLong
    ? `weight "${largest.name}" ${formatShape(largest.shape)} would take ${formatBytes(bytes)}, but one weight takes 2 GiB at most`
    : `the weights, their gradients and what the optimizer keeps take about ${formatBytes(needed)}, and ${formatBytes(free)} are free; the largest is "${largest.name}" ${formatShape(largest.shape)} with ${formatBytes(bytes)}`;
  const message = `${found}; make its layer smaller`;
  throw new EngineError(who, message, { code: "MEMORY", needed, free, tensor: largest.name, bytes });
}

function allBytes(body: GraphBody): number {
  let sum = 0;
  for (const { dtype, shape } of [...body.inputs, ...body.valueInfo.values(), ...body.outputs]) {
    if (shape?.every((dim) => typeof dim === "number")) sum += byteLengthOf(dtype ?? "", sizeOf(shape)) ?? 0;
  }
  for (const node of body.nodes) for (const inner of bodiesOf(node)) sum += allBytes(inner);
  return sum;
}
