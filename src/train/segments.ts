/** @file Segments: the operators of a network cut where little is handed on, so that what is kept of each is small. */

import { byteLengthOf } from "../graph/element-type.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import { readsOf } from "../graph/scope.js";
import type { Node } from "../graph/types.js";
import { sizeOf } from "../tensor/shape.js";

/** More would make the graph large and gain little. */
const most = 32;

/** Cuts nodes into segments for which kept tensors and the largest segment together take the least memory. */
export function segmentsOf(g: GraphBuilder, nodes: readonly Node[]): Node[][] {
  const made = nodes.map(({ outputs }) => outputs.reduce((sum, name) => sum + bytesOf(g, name), 0));
  const crossing = crossingBytes(g, nodes);
  const total = made.reduce((sum, bytes) => sum + bytes, 0);
  let best = { peak: total, cuts: [] as number[] };
  for (let count = 2; count <= Math.min(most, nodes.length); count++) {
    const cuts = cutsOf(made, crossing, total / count);
    const peak = peakOf(made, crossing, cuts);
    if (peak < best.peak) best = { peak, cuts };
  }
  return [...best.cuts, nodes.length].map((end, i) => nodes.slice(best.cuts[i - 1] ?? 0, end));
}

/** Near each multiple of `bytes` of results, the place with the least to hand on. A cut is the number of nodes before it. */
function cutsOf(made: readonly number[], crossing: readonly number[], bytes: number): number[] {
  const cuts: number[] = [];
  let [sum, found]: [number, number | undefined] = [0, undefined];
  let next = 1;
  for (const [i, size] of made.entries()) {
    sum += size;
    if (sum >= (next + 0.5) * bytes) {
      if (found !== undefined) cuts.push(found);
      [next, found] = [next + 1, undefined];
    }
    const isNear = sum >= (next - 0.5) * bytes && i < made.length - 1;
    if (isNear && (found === undefined || crossing[i]! < crossing[found - 1]!)) found = i + 1;
  }
  return cuts;
}

function peakOf(made: readonly number[], crossing: readonly number[], cuts: readonly number[]): number {
  const kept = cuts.reduce((sum, cut) => sum + crossing[cut - 1]!, 0);
  const segments = [...cuts, made.length].map((end, i) =>
    made.slice(cuts[i - 1] ?? 0, end).reduce((sum, bytes) => sum + bytes, 0),
  );
  return kept + Math.max(...segments);
}

/** Bytes of tensors made by nodes up to each and read by nodes after it. */
function crossingBytes(g: GraphBuilder, nodes: readonly Node[]): number[] {
  const lastRead = new Map<string, number>();
  for (const [i, node] of nodes.entries()) for (const name of readsOf(node)) lastRead.set(name, i);
  const changes = new Array<number>(nodes.length + 1).fill(0);
  for (const [i, { outputs }] of nodes.entries()) {
    for (const name of outputs) {
      const end = lastRead.get(name) ?? i;
      changes[i]! += bytesOf(g, name);
      changes[end]! -= bytesOf(g, name);
    }
  }
  let sum = 0;
  return changes.map((change) => (sum += change));
}

function bytesOf(g: GraphBuilder, name: string): number {
  if (name === "") return 0;
  const { dtype, shape } = g.tensor(name);
  if (dtype === undefined || !shape?.every((dim) => typeof dim === "number")) return 0;
  return byteLengthOf(dtype, sizeOf(shape)) ?? 0;
}
