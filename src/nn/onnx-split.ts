/** @file Splits an ONNX network into what stays as it is and what is trained. */

import { readsOf } from "../graph/scope.js";
import { inferShapes } from "../ops/infer.js";
import type { Layer } from "./layer.js";
import { Network } from "./network.js";
import { type OnnxNetwork, weightStates } from "./onnx.js";
import { buildGraph } from "./onnx-build.js";
import { reachable } from "./onnx-weights.js";

/**
 * Undefined where nothing is frozen, or where what lies between is not one tensor of float32 per row, such as sizes worked
 * out at run time.
 */
export function splitFrozen(network: OnnxNetwork): { frozen: OnnxNetwork; rest: Layer } | undefined {
  if (network.params.batchNormStatistics === "batch") return undefined;
  const { graph } = network;
  const trained = new Set(network.weightNames({ trainable: true }));
  const after = reachable(
    graph,
    new Set(graph.nodes.filter((node) => readsOf(node).some((name) => trained.has(name)))),
  );
  const made = new Set([...after].flatMap(({ outputs }) => outputs));
  const between = new Set<string>();
  const read = [...[...after].flatMap(readsOf), ...graph.outputs.map(({ name }) => name)];
  for (const name of read) if (!made.has(name) && !graph.initializers.has(name)) between.add(name);
  const fed = new Set(graph.inputs.map(({ name }) => name));
  if (between.size === 0 || [...between].some((name) => fed.has(name))) return undefined;
  const known = inferShapes(graph);
  const infos = [...between].map(
    (name) => known.valueInfo.get(name) ?? known.outputs.find((info) => info.name === name),
  );
  const batch = graph.inputs[0]?.shape?.[0];
  const isPerRow = infos.every((info) => info?.dtype === "float32" && info.shape?.[0] === batch && batch !== undefined);
  if (!isPerRow) return undefined;
  const inputs = infos as NonNullable<(typeof infos)[number]>[];
  const rest = graph.with({ inputs, nodes: graph.nodes.filter((node) => after.has(node)) }).prune();
  const states = weightStates(network);
  const { params, label, outputs } = network;
  return {
    frozen: network.cutAt(...between),
    rest: new Network({
      type: network.type,
      params,
      label,
      keepsMask: false,
      inputs: inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: shape?.slice(1) })),
      outputs,
      build: (context, xs) => buildGraph(context, rest, xs, states, "frozen"),
    }),
  };
}
