/** @file Convolutions whose weights change, in the layout with channels in blocks that the runtime keeps for constant weights. */

import { attributeOf } from "../graph/attributes.js";
import { Graph } from "../graph/graph.js";
import { StoredTensor } from "../graph/stored-tensor.js";
import type { Attribute, GraphBody, Model, Node, ValueInfo } from "../graph/types.js";
import { withBodies } from "../graph/validate.js";
import { sizeOf } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { native } from "./native.js";

const domain = "com.microsoft.nchwc";

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

/** Every convolution of two dimensions whose weights are no constants and whose channels are whole blocks, bodies included. */
export function withBlockedConvolutions(graph: Graph, block: number): Graph {
  if (block <= 1) return graph;
  let changed = false;
  const rewrite = <B extends GraphBody>(body: B, outer: ReadonlyMap<string, ValueInfo>): B => {
    const weights = new Map(outer);
    for (const info of [...body.inputs, ...body.valueInfo.values()]) weights.set(info.name, info);
    const joined = planesJoined(body, weights, block);
    for (const name of body.initializers.keys()) weights.delete(name);
    const initializers = new Map(body.initializers);
    const blocks: BlocksOfBody = { joined, reordered: new Map(), initializers };
    const nodes = body.nodes.flatMap((node) => {
      const w = weights.get(node.inputs[1] ?? "");
      const order = node.opType === "Conv" && node.domain === "" ? blockOrder(node, w, block) : undefined;
      if (order === undefined) return withBodies(node, (inner) => rewrite(inner, weights));
      changed = true;
      return blockedNodes(node, order, blocks);
    });
    return { ...body, nodes, initializers };
  };
  const rewritten = rewrite<Model>(graph, new Map());
  return changed ? new Graph({ ...rewritten, opsets: new Map([...graph.opsets, [domain, 1]]) }) : graph;
}

interface Joined {
  readonly from: string;
  readonly shape: readonly number[];
}

/** Reshapes that join batch and channels, by output: in blocks these are one and the same, where channels are whole blocks. */
function planesJoined(body: GraphBody, infos: ReadonlyMap<string, ValueInfo>, block: number): Map<string, Joined> {
  const joined = new Map<string, Joined>();
  for (const { opType, inputs, outputs } of body.nodes) {
    const [from = "", to = ""] = [inputs[0], outputs[0]];
    const [a, b] = [infos.get(from)?.shape, infos.get(to)?.shape];
    if (opType !== "Reshape" || a?.length !== 4 || b?.length !== 4) continue;
    const [batch, channels, ...plane] = a;
    if (typeof batch !== "number" || typeof channels !== "number" || channels % block !== 0) continue;
    const planes = batch * channels;
    const same = plane.every((size, i) => typeof size === "number" && size === b[i + 2]);
    if (same && (b[0] === planes || b[1] === planes)) joined.set(to, { from, shape: b as readonly number[] });
  }
  return joined;
}

interface BlockOrder {
  readonly channels: number;
  /** The weights' shape. */
  readonly whole: readonly number[];
  /** Their shape with channels cut into blocks, and the order in which the kernels want it. */
  readonly split: readonly number[];
  /** Absent of a depthwise convolution, whose weights are in blocks like a picture. */
  readonly perm?: readonly number[];
}

/** [out, in, h, w] as [out blocks, in blocks, h, w, in, out]; of a depthwise convolution [blocks, h, w, channels]. */
function blockOrder({ attrs }: Node, w: ValueInfo | undefined, block: number): BlockOrder | undefined {
  if (w?.dtype !== "float32" || !w.shape?.every((size) => typeof size === "number")) return undefined;
  const [whole, [out = 0, perGroup = 0, ...kernel]] = [w.shape, w.shape];
  const group = Number(attrs.get("group")?.value ?? 1);
  if (kernel.length !== 2 || out === 0 || out % block !== 0) return undefined;
  if (group === out && perGroup === 1) return { channels: out, whole, split: [1, out, ...kernel] };
  // windows of one place are a plain product, which gains nothing
  if (group !== 1 || perGroup % block !== 0 || sizeOf(kernel) === 1) return undefined;
  const split = [out / block, block, perGroup / block, block, ...kernel];
  return { channels: out, whole, split, perm: [0, 2, 4, 5, 3, 1] };
}

interface BlocksOfBody {
  /** What `planesJoined` gives. */
  readonly joined: ReadonlyMap<string, Joined>;
  /** Tensors that are in blocks already, by name. */
  readonly reordered: Map<string, string>;
  readonly initializers: Map<string, StoredTensor>;
}

function blockedNodes(node: Node, order: BlockOrder, { joined, reordered, initializers }: BlocksOfBody): Node[] {
  const [x = "", w = "", bias] = node.inputs;
  const [y = ""] = node.outputs;
  const nodes: Node[] = [];
  const op = (
    opType: string,
    inputs: string[],
    name: string,
    attrs: Record<string, number | readonly number[]> = {},
  ) => {
    const given = Object.entries(attrs).map(([key, value]): [string, Attribute] => [key, attributeOf(value, opType)]);
    const own = opType.startsWith("Reorder") ? domain : "";
    const output = name === "" ? y : `${y}/blocked/${name}`;
    nodes.push({ opType, domain: own, name: "", inputs, outputs: [output], attrs: new Map(given) });
    return output;
  };
  const reshape = (input: string, shape: readonly number[], name: string) => {
    const sizes = `${y}/blocked/${name}/shape`;
    initializers.set(sizes, StoredTensor.of(new Tensor("int64", BigInt64Array.from(shape, BigInt), [shape.length])));
    return op("Reshape", [input, sizes], name);
  };
  const inBlocks = (input: string, name: string): string => {
    const { from, shape } = joined.get(input) ?? {};
    if (from !== undefined && shape !== undefined) return reshape(inBlocks(from, `${name}/apart`), shape, name);
    const found = reordered.get(input) ?? op("ReorderInput", [input], name);
    reordered.set(input, found);
    return found;
  };
  const weights = () => {
    const split = reshape(w, order.split, "split");
    const turned =
      order.perm === undefined ? inBlocks(split, "turned") : op("Transpose", [split], "turned", { perm: order.perm });
    return reshape(turned, order.whole, "w");
  };
  const planes = order.perm === undefined && joined.has(w);
  const inputs = [inBlocks(x, "x"), planes ? inBlocks(w, "w") : weights(), ...(bias === undefined ? [] : [bias])];
  nodes.push({ ...node, domain, inputs, outputs: [`${y}/blocked/y`] });
  op("ReorderOutput", [`${y}/blocked/y`], "", { channels: order.channels });
  return nodes;
}
