/** @file Problem: what is to be learned: a network, what its outputs are compared with, and the form of the data's rows. */

import { ParamError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { type Built, buildNetwork, type WeightSpec } from "../nn/build.js";
import type { Loss } from "../nn/losses/loss.js";
import type { BatchMetric } from "../nn/metrics/batch-metric.js";
import type { Network } from "../nn/network.js";
import { shapeRules } from "../ops/infer.js";
import { multiplicationsOf, operatorsOf } from "../ops/work.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";

/** A tensor that every row of the data has. */
export interface Field {
  readonly name: string;
  readonly dtype: Exclude<DType, "string">;
  /** Of one row. */
  readonly shape: readonly number[];
}

/** An output of the network and what it is compared with. */
export interface Head {
  readonly output: string;
  /** The field of targets. */
  readonly target: Field;
  readonly loss: Loss;
  /** Factor of this loss in the sum of all. */
  readonly lossWeight: number;
  readonly metrics: readonly BatchMetric[];
}

export interface Problem {
  readonly network: Network;
  /** Fields that feed the network, in the order of its inputs. */
  readonly inputs: readonly Field[];
  readonly heads: readonly Head[];
  /** The field of the rows' weights; without it all weigh the same. */
  readonly weight: Field | undefined;
}

/** What the rows are, and what is compared with them. */
export type Form = Omit<Problem, "network">;

export function fieldsOf({ inputs, heads, weight }: Form): readonly Field[] {
  return [...inputs, ...heads.map(({ target }) => target), ...(weight === undefined ? [] : [weight])];
}

/** The field of the rows' weights; no input or target can be called so. */
export const rowWeight = "weight of the row";

/** A field's rows as inputs of the training graphs, whose other inputs have names that a field may have too. */
export function dataInput(field: string): string {
  return `data:${field}`;
}

/** Weights of a network in the order in which its layers ask for them, and which of them are states. */
export interface Manifest {
  readonly weights: readonly WeightSpec[];
  readonly states: ReadonlySet<string>;
  /** Operators, forward. */
  readonly nodes: number;
  /** Multiplications that products and convolutions do for one row. */
  readonly multiplications: number;
  /** Whether rows of a batch bear on each other's results. */
  readonly mixesRows: boolean;
}

/** @throws ShapeError where layers do not fit each other or the data. */
export function manifestOf({ network, inputs }: Pick<Problem, "network" | "inputs">): Manifest {
  const g = new GraphBuilder({ rules: shapeRules() });
  const weights: WeightSpec[] = [];
  // two, so that no layer takes the batch for a dimension without extent
  const rows = 2;
  const values = inputs.map((field) =>
    inputOf(g, network, field, g.input(field.name, field.dtype, [rows, ...field.shape])),
  );
  const built = buildNetwork(g, network, values, {
    training: true,
    weight(spec) {
      weights.push(spec);
      return g.input(spec.name, "float32", spec.shape);
    },
    random: (_, shape) => g.fill(g.ints(shape), 0.5),
  });
  return {
    weights,
    states: new Set(built.updates.keys()),
    nodes: operatorsOf(g),
    multiplications: multiplicationsOf(g) / rows,
    mixesRows: built.mixesRows,
  };
}

/** A fed tensor as the network takes it: float32 unless its input says otherwise. */
export function inputOf(g: GraphBuilder, network: Network, field: Field, fed: Value): Value {
  const at = network.inputs.find(({ name }) => name === field.name) ?? network.inputs[0];
  return g.cast(fed, at?.dtype ?? "float32");
}

/** The network for prediction, as a graph of its own: inputs [batch, ...] under the fields' names. */
export function inferenceGraph(
  { network, inputs }: Pick<Problem, "network" | "inputs">,
  weights: ReadonlyMap<string, Tensor>,
  finish: (g: GraphBuilder, outputs: Readonly<Record<string, Value>>) => Readonly<Record<string, Value>> = (_, y) => y,
): Graph {
  const g = new GraphBuilder({ rules: shapeRules() });
  const fed = inputs.map((field) => {
    const shape: readonly Dim[] = ["batch", ...field.shape];
    return inputOf(g, network, field, g.input(field.name, field.dtype, shape));
  });
  const built = buildNetwork(g, network, fed, {
    training: false,
    weight: (spec) => g.parameter(spec.name, weights.get(spec.name) ?? spec.initial(0)),
  });
  return g.finish(finish(g, outputsOf(network, built)), "network");
}

/** The network's outputs by name. */
export function outputsOf(network: Network, { outputs }: Built): Record<string, Value> {
  if (outputs.length !== network.outputs.length) {
    throw new ParamError(
      "network",
      `its last layer gives ${outputs.length} tensors, expected ${network.outputs.length}`,
    );
  }
  return Object.fromEntries(network.outputs.map((name, i) => [name, outputs[i]!]));
}
