/** @file Splits an ONNX network into what stays as it is and what is trained. */

import { readsOf } from "../graph/scope.js";
import type { Node } from "../graph/types.js";
import { inferShapes } from "../ops/infer.js";
import { cutBefore, type Maker } from "./cut.js";
import type { Layer } from "./layer.js";
import { Network } from "./network.js";
import { type OnnxNetwork, weightStates } from "./onnx.js";
import { buildGraph } from "./onnx-build.js";

interface NodeMaker extends Maker {
  readonly node: Node;
}

export interface OnnxParts {
  readonly frozen: OnnxNetwork;
  /** Reads the results of `frozen`, then the inputs of the whole. */
  readonly rest: Layer;
  /** Which inputs of the whole those are, by number. */
  readonly through: readonly number[];
}

/** Undefined where nothing is frozen, or nothing that could be kept for each row. */
export function splitFrozen(network: OnnxNetwork): OnnxParts | undefined {
  if (network.params.batchNormStatistics === "batch") return undefined;
  const { graph } = network;
  const known = inferShapes(graph);
  const infoOf = (name: string) =>
    known.valueInfo.get(name) ?? [...known.outputs, ...known.inputs].find((info) => info.name === name);
  const batch = graph.inputs[0]?.shape?.[0];
  const [trained, frozen] = [true, false].map((trainable) => new Set(network.weightNames({ trainable })));
  const makers = graph.nodes.map(
    (node): NodeMaker => ({ node, reads: readsOf(node), makes: node.outputs.filter((name) => name !== "") }),
  );
  const cut = cutBefore({
    makers,
    inputs: new Set(graph.inputs.map(({ name }) => name)),
    results: graph.outputs.map(({ name }) => name),
    isTrained: ({ reads }) => reads.some((name) => trained!.has(name)),
    isFrozen: ({ reads }) => reads.some((name) => frozen!.has(name)),
    isPerRow(name) {
      const info = infoOf(name);
      return info?.dtype !== undefined && batch !== undefined && info.shape?.[0] === batch;
    },
  });
  if (cut.between.length === 0) return undefined;
  const inputs = [...cut.between, ...cut.through].map((name) => infoOf(name)!);
  const rest = graph.with({ inputs, nodes: cut.after.map(({ node }) => node) }).prune();
  const states = weightStates(network);
  const { params, label, outputs } = network;
  return {
    frozen: network.cutAt(...cut.between),
    rest: new Network({
      type: network.type,
      params,
      label,
      keepsMask: false,
      inputs: inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: shape?.slice(1) })),
      outputs,
      build: (context, xs) => buildGraph(context, rest, xs, states, "frozen"),
    }),
    through: cut.through.map((name) => graph.inputs.findIndex((input) => input.name === name)),
  };
}
