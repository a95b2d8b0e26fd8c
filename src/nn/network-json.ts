/** @file Networks as JSON: lists of layers and graphs of connections, in which a layer used twice stays one. */

import { ParamError } from "../errors.js";
import type { Asset } from "../util/asset.js";
import type { Param, ReadStored } from "../util/params.js";
import { Connection, Layer, layers, type NetworkInput } from "./layer.js";

/** Inputs and outputs of a network that is no chain. */
export interface Joined {
  readonly inputs: readonly Connection[];
  readonly outputs: Readonly<Record<string, Connection>>;
}

interface StoredGraph {
  readonly layers: readonly unknown[];
  /** In an order in which each comes after those it reads: an input, or a layer by number applied to results. */
  readonly nodes: readonly (StoredNode | { readonly input: NetworkInput })[];
  readonly inputs: readonly number[];
  readonly outputs: Readonly<Record<string, StoredResult>>;
}

interface StoredNode {
  readonly layer: number;
  readonly from: readonly StoredResult[];
}

/** Number of a node, and of its result. */
type StoredResult = readonly [node: number, result: number];

const none: readonly unknown[] = [];

/** A chain's layers. One that occurs again is stored as `{ same: number of the first }`. */
export function layerList(doc: string): Param<readonly Layer[], false> {
  return {
    doc,
    expected: "a list of layers, such as [nn.dense(10)]",
    optional: false,
    default: undefined,
    accepts: (value) => Array.isArray(value) && value.length > 0 && value.every((item) => item instanceof Layer),
    broken: [7, none],
    encode: (list, assets) =>
      list.map((layer, i) => {
        const first = list.indexOf(layer);
        return first < i ? { same: first } : layers.encode(layer, assets);
      }),
    decode(json, read) {
      const made: Layer[] = [];
      for (const item of json as readonly unknown[]) {
        const same = (item as { readonly same?: unknown }).same;
        made.push(typeof same === "number" ? made[same]! : layers.decode(item, read, "Sequential"));
      }
      return made;
    },
  };
}

/** The inputs and outputs of a network, and with them all that lies between. */
export const connectionsParam: Param<Joined, false> = {
  doc: "inputs and outputs",
  expected: "inputs and outputs, as nn.model({ inputs, outputs }) takes them",
  optional: false,
  default: undefined,
  accepts(value) {
    const { inputs, outputs } = (value ?? {}) as Partial<Joined>;
    const all = [...(inputs ?? []), ...Object.values(outputs ?? {})];
    return all.length > 1 && all.every((item) => item instanceof Connection);
  },
  broken: [7, none],
  encode: encodeGraph,
  decode: decodeGraph,
};

function encodeGraph({ inputs, outputs }: Joined, assets: Map<string, Asset>): StoredGraph {
  const found: Layer[] = [];
  const nodes: (StoredNode | { readonly input: NetworkInput })[] = [];
  const numbers = new Map<Connection, number>();
  /** Calls of one layer on the same inputs are one node. */
  const calls = new Map<readonly Connection[], Map<Layer, number>>();
  const layerNumber = (layer: Layer): number => {
    if (!found.includes(layer)) found.push(layer);
    return found.indexOf(layer);
  };
  const visit = (at: Connection): StoredResult => {
    const known = numbers.get(at) ?? (at.layer === undefined ? undefined : calls.get(at.inputs)?.get(at.layer));
    if (known !== undefined) return [known, at.index];
    const node =
      at.layer === undefined ? { input: at.input! } : { layer: layerNumber(at.layer), from: at.inputs.map(visit) };
    numbers.set(at, nodes.push(node) - 1);
    if (at.layer !== undefined) {
      const byLayer = calls.get(at.inputs) ?? new Map<Layer, number>();
      calls.set(at.inputs, byLayer.set(at.layer, nodes.length - 1));
    }
    return [nodes.length - 1, at.index];
  };
  const ins = inputs.map((at) => visit(at)[0]);
  const outs = Object.fromEntries(Object.entries(outputs).map(([name, at]) => [name, visit(at)]));
  return { layers: found.map((layer) => layers.encode(layer, assets)), nodes, inputs: ins, outputs: outs };
}

function decodeGraph(json: unknown, read: ReadStored): Joined {
  const stored = json as StoredGraph;
  const made = stored.layers.map((layer) => layers.decode(layer, read, "Model"));
  const firsts: Connection[] = [];
  const resultOf = ([node, index]: StoredResult): Connection => {
    const first = firsts[node];
    if (first === undefined)
      throw new ParamError("Model", "its stored graph reads what comes later; the file is damaged");
    return first.result(index);
  };
  for (const node of stored.nodes) {
    firsts.push(
      "input" in node
        ? new Connection(undefined, [], 0, node.input)
        : new Connection(made[node.layer], node.from.map(resultOf)),
    );
  }
  return {
    inputs: stored.inputs.map((node) => resultOf([node, 0])),
    outputs: Object.fromEntries(Object.entries(stored.outputs).map(([name, at]) => [name, resultOf(at)])),
  };
}
