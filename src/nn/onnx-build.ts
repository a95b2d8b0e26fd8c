/** @file Puts the nodes of an ONNX file into a graph that is being built, its weights being the network's. */

import { GraphError, ShapeError } from "../errors.js";
import { renameNode } from "../graph/edit.js";
import type { Graph } from "../graph/graph.js";
import { inlineFunction } from "../graph/inline.js";
import { readsOf } from "../graph/scope.js";
import type { Node } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { standardOps } from "../ops/infer.js";
import type { BuildContext } from "./layer.js";
import { followed, statistics } from "./layers/batch-normalization.js";

/** What becomes of a weight of the file. */
export interface WeightState {
  readonly trainable: boolean;
  readonly rate: number;
}

/** @throws ShapeError where the inputs are not the file's */
export function buildGraph(
  context: BuildContext,
  graph: Graph,
  inputs: readonly Value[],
  weights: ReadonlyMap<string, WeightState>,
  batchNormStatistics: "frozen" | "batch",
): readonly Value[] {
  const { g, training } = context;
  expectInputs(graph, inputs);
  // an operator counts as the newest version that the graph holds
  g.requireOpsets(graph.opsets);
  const values = new Map(graph.inputs.map(({ name }, i) => [name, inputs[i]!]));
  const moving = new Set(batchNormStatistics === "frozen" ? [] : statisticsOf(graph));
  const functions = new Map(graph.functions.map((f) => [`${f.domain}:${f.name}`, f]));
  const read = (name: string): Value => {
    const found = values.get(name);
    if (found !== undefined) return found;
    const stored = graph.initializers.get(name);
    if (stored === undefined) throw new GraphError("OnnxNetwork", `nothing makes the tensor ${JSON.stringify(name)}`);
    const state = weights.get(name);
    const floats = () => stored.tensor.data as Float32Array;
    const value = moving.has(name)
      ? context.state(name, stored.shape, { values: floats() })
      : state === undefined
        ? g.parameter(name, stored)
        : context.weight(name, stored.shape, {
            // copied out of the file when first values are asked for
            get values() {
              return floats();
            },
            trainable: state.trainable,
            lrMultiplier: state.rate,
          });
    values.set(name, value);
    return value;
  };
  const results = (node: Node): readonly (Value | undefined)[] => {
    const args = node.inputs.map((name) => (name === "" ? undefined : read(name)));
    const key = `${node.domain}:${node.opType}`;
    if (training && !context.frozen && node.opType === "BatchNormalization" && moving.has(node.inputs[3]!)) {
      return [withBatchStatistics(context, node, args as readonly Value[])];
    }
    // names of the file that a body reads from outside, too
    for (const name of readsOfBodies(node, graph, values)) read(name);
    const renamed = renameNode(node, (name) => values.get(name)?.name ?? name);
    const own = functions.get(key);
    if (own !== undefined) return inlineFunction(g, own, renamed);
    const expanded = training ? standardOps.get(key)?.expand?.(g, renamed, args as Value[]) : undefined;
    if (expanded !== undefined) return expanded;
    const outputs = node.outputs.map((name) => (name === "" ? "" : g.fresh(name)));
    const added = { ...renamed, inputs: args.map((value) => value?.name ?? ""), outputs, name: "" };
    return g.addNode(added, { fromFile: true });
  };
  for (const node of graph.nodes) {
    const made = results(node);
    node.outputs.forEach((name, i) => {
      const value = made[i];
      if (name !== "" && value !== undefined) values.set(name, value);
    });
  }
  return graph.outputs.map(({ name }) => read(name));
}

/** Constants that the bodies of an If, Loop or Scan read from around them. */
function readsOfBodies(node: Node, graph: Graph, values: ReadonlyMap<string, Value>): string[] {
  return readsOf(node).filter((name) => !values.has(name) && graph.initializers.has(name));
}

/** Running means and variances of BatchNormalization. */
function statisticsOf(graph: Graph): string[] {
  const nodes = graph.nodes.filter(({ opType }) => opType === "BatchNormalization");
  return nodes.flatMap(({ inputs }) => inputs.slice(3)).filter((name) => graph.initializers.has(name));
}

/** BatchNormalization with the batch's own statistics, which the running ones follow by the node's momentum. */
function withBatchStatistics(context: BuildContext, node: Node, args: readonly Value[]): Value {
  const { g } = context;
  const [x, scale, bias, mean, variance] = args as readonly [Value, Value, Value, Value, Value];
  const number = (name: string, otherwise: number) => Number(node.attrs.get(name)?.value ?? otherwise);
  const batch = followed(context, statistics(g, x), { mean, variance }, number("momentum", 0.9));
  return g.batchNorm(x, scale, bias, batch.mean, batch.variance, { epsilon: number("epsilon", 1e-5) });
}

function expectInputs({ inputs: wanted }: Graph, given: readonly Value[]): void {
  const names = wanted
    .map(({ name, shape }) => `${name} ${shape === undefined ? "" : `[${shape.join(", ")}]`}`)
    .join(", ");
  if (given.length !== wanted.length) {
    throw new ShapeError("OnnxNetwork", `expected ${wanted.length} inputs (${names}), got ${given.length}`);
  }
  for (const [i, { name, dtype, shape }] of wanted.entries()) {
    const x = given[i]!;
    const fits = x.shape === undefined || shape === undefined || fitting(shape, x.shape);
    if (!fits)
      throw new ShapeError("OnnxNetwork", `expected ${name} [${shape.join(", ")}], got [${x.shape.join(", ")}]`);
    if (dtype !== undefined && x.dtype !== undefined && x.dtype !== dtype) {
      throw new ShapeError("OnnxNetwork", `expected ${name} of ${dtype}, got ${x.dtype}`);
    }
  }
}

function fitting(wanted: readonly (number | string)[], given: readonly (number | string)[]): boolean {
  if (wanted.length !== given.length) return false;
  // a file exported for one row is tried with more
  return wanted.every(
    (size, i) => i === 0 || typeof size === "string" || typeof given[i] === "string" || size === given[i],
  );
}
