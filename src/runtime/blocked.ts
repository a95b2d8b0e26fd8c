/** @file Convolutions whose weights change, in the layout with channels in blocks that the runtime keeps for constant weights. */

import { Graph } from "../graph/graph.js";
import type { GraphBody, Model, Node, ValueInfo } from "../graph/types.js";
import { withBodies } from "../graph/validate.js";
import { convInBlocks } from "./blocked-conv.js";
import { type BlockedBody, blockedDomain as domain, planesJoined } from "./blocked-nodes.js";
import { transposeInBlocks } from "./blocked-transpose.js";
import { native } from "./native.js";

let machine: Promise<number> | undefined;

/**
 * The graph as this machine's CPU runs it fastest: convolutions in blocks of as many channels as a vector register holds. Half
 * the time for depthwise ones, 15 to 40 % less for others. The result is for this machine alone: do not save it.
 */
export async function fitToMachine(graph: Graph): Promise<Graph> {
  machine ??= probe();
  return withBlockedConvolutions(graph, await machine);
}

/**
 * Channels per block on this machine, 1 where there are no such kernels: the runtime's own kernel puts the numbers
 * of [16 channels, 2 places] in order, and the second place's first number comes after one block.
 */
async function probe(): Promise<number> {
  const info = (name: string): ValueInfo => ({ name, dtype: "float32", shape: [1, 16, 1, 2] });
  const graph = new Graph({
    name: "blocks",
    nodes: [{ opType: "ReorderInput", domain, name: "", inputs: ["x"], outputs: ["y"], attrs: new Map() }],
    inputs: [info("x")],
    outputs: [info("y")],
    initializers: new Map(),
    defaults: [],
    valueInfo: new Map(),
    irVersion: 8,
    opsets: new Map([
      ["", 18],
      [domain, 1],
    ]),
    functions: [],
    metadata: new Map(),
  });
  const ort = await native();
  try {
    const session = await ort.InferenceSession.create(graph.toBytes(), { logSeverityLevel: 4, intraOpNumThreads: 1 });
    const x = new ort.Tensor(
      "float32",
      Float32Array.from({ length: 32 }, (_, i) => i),
      [1, 16, 1, 2],
    );
    const { y } = await session.run({ x });
    await session.release();
    return (y!.data as Float32Array).indexOf(1);
  } catch {
    return 1;
  }
}

/**
 * Every convolution of two dimensions, and every transposed one with strides, whose weights are no constants and whose
 * channels are whole blocks; bodies included.
 */
export function withBlockedConvolutions(graph: Graph, block: number): Graph {
  if (block <= 1) return graph;
  let changed = false;
  const rewrite = <B extends GraphBody>(body: B, outer: ReadonlyMap<string, ValueInfo>): B => {
    const infos = new Map(outer);
    for (const info of [...body.inputs, ...body.valueInfo.values(), ...body.outputs]) infos.set(info.name, info);
    const initializers = new Map(body.initializers);
    const joined = planesJoined(body, infos, block);
    // constant weights the runtime puts in blocks by itself
    for (const name of body.initializers.keys()) infos.delete(name);
    const blocks: BlockedBody = { block, infos, joined, reordered: new Map(), initializers };
    const nodes = body.nodes.flatMap((node): readonly Node[] => {
      const inBlocks = node.domain === "" ? (convInBlocks(node, blocks) ?? transposeInBlocks(node, blocks)) : undefined;
      changed ||= inBlocks !== undefined;
      return inBlocks ?? [withBodies(node, (inner) => rewrite(inner, infos))];
    });
    return { ...body, nodes, initializers };
  };
  const rewritten = rewrite<Model>(graph, new Map());
  return changed ? new Graph({ ...rewritten, opsets: new Map([...graph.opsets, [domain, 1]]) }) : graph;
}
