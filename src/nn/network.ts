/** @file Networks: chains of layers, and graphs of them with several inputs and outputs. Each is a layer too. */

import { GraphError, ParamError } from "../errors.js";
import type { Value } from "../graph/value.js";
import { isMaker } from "../util/kind.js";
import { boolean, json, number, optional, text } from "../util/params.js";
import { show } from "../util/show.js";
import { Connection, Layer, layers, type NetworkInput } from "./layer.js";
import { connectionsParam, type Joined, layerList } from "./network-json.js";
import { type InputShapes, summarize } from "./summary.js";

/** A layer that can be trained on its own: its inputs and outputs have names. */
export class Network extends Layer {
  /** What it is fed; without a shape for a chain whose shape the data tells. */
  readonly inputs: readonly NetworkInput[];
  readonly outputs: readonly string[];

  constructor(
    definition: ConstructorParameters<typeof Layer>[0] & {
      readonly inputs: readonly NetworkInput[];
      readonly outputs: readonly string[];
    },
  ) {
    super(definition);
    this.inputs = definition.inputs;
    this.outputs = definition.outputs;
  }

  /**
   * A table of its layers, the shapes they give and their parameters, as text.
   *
   * @param shapes sizes of one row, without the batch, of inputs that were made without: `[784]`, or by name
   * @throws ParamError where a shape is missing, ShapeError where layers do not fit each other
   * @example console.log(network.summary([784]));
   */
  summary(shapes?: InputShapes): string {
    return summarize(this, this.inputs, shapes);
  }
}

export interface NetworkOptions {
  readonly name?: string | undefined;
  /** Whether training changes the weights of its layers; default true. */
  readonly trainable?: boolean | undefined;
  /** Factor of the learning rate for all its weights; default 1. */
  readonly lrMultiplier?: number | undefined;
}

const common = {
  name: optional(text("name of the network")),
  trainable: boolean("whether training changes the weights of its layers", { default: true }),
  lrMultiplier: number("factor of the learning rate for all its weights", { default: 1, min: 0 }),
};

const chain = layers.define({
  type: "Sequential",
  specs: {
    layers: layerList("the layers, in order"),
    input: optional(
      json<NetworkInput>("what the first layer reads", "an input such as nn.input({ shape: [784] })", isInput),
    ),
    ...common,
  },
  positional: [],
  make(params): Network {
    return new Network({
      type: "Sequential",
      params,
      label: labelOf("Sequential", params.name),
      keepsMask: false,
      inputs: params.input === undefined ? inputsOf(params.layers[0]) : [params.input],
      outputs: ["output"],
      build: (context, inputs) =>
        params.layers.reduce<readonly Value[]>((xs, layer) => context.call(layer, xs), inputs),
    });
  },
});

/** What a chain reads that begins with this layer: a network of several inputs keeps them, with their names. */
function inputsOf(first: Layer | undefined): readonly NetworkInput[] {
  return first instanceof Network && first.inputs.length > 1 ? first.inputs : [{ name: "features" }];
}

/**
 * A chain of layers. The shape of its input is that of the data, unless the first layer is `nn.input(...)`; a chain that begins
 * with a network of several inputs has those.
 *
 * @throws ParamError without layers.
 * @example nn.sequential([nn.dense(256, { activation: "relu" }), nn.dropout(0.3), nn.dense(10)])
 */
export function sequential(given: readonly (Layer | Connection)[], options: NetworkOptions = {}): Network {
  if (!Array.isArray(given)) {
    throw new ParamError(
      "sequential",
      `the layers must be a list, as in nn.sequential([nn.dense(10)]), got ${given instanceof Layer ? given.label : show(given)}`,
    );
  }
  const [first, ...rest] = given as readonly (Layer | Connection)[];
  const start = first instanceof Connection ? first.input : undefined;
  const used = (start === undefined ? given : rest) as readonly Layer[];
  if (used.length === 0) throw new ParamError("sequential", "there are no layers; give at least one");
  for (const [i, layer] of (used as readonly unknown[]).entries()) {
    if (layer instanceof Layer) continue;
    const found = layer instanceof Connection ? "an input or a layer that was applied" : show(layer);
    const mend = isMaker(layer) ? "; call it with its parameters" : "";
    throw new ParamError("sequential", `layer ${i + 1} must be a layer such as nn.dense(10), got ${found}${mend}`);
  }
  return chain({ layers: used, input: start, ...options }) as Network;
}

/** An input of a network that is no chain, or the first of a chain; `shape` is that of one row. */
export function input(spec: Partial<NetworkInput> = {}): Connection {
  return new Connection(undefined, [], 0, { name: "features", ...spec });
}

const joined = layers.define({
  type: "Model",
  specs: { graph: connectionsParam, ...common },
  positional: [],
  make(params): Network {
    const { inputs, outputs } = params.graph;
    return new Network({
      type: "Model",
      params,
      label: labelOf("Model", params.name),
      keepsMask: false,
      inputs: inputs.map((connection) => connection.input!),
      outputs: Object.keys(outputs),
      build(context, values) {
        const known = new Map<Connection, Value>(inputs.map((connection, i) => [connection, values[i]!]));
        const calls = new Map<readonly Connection[], Map<Layer, readonly Value[]>>();
        const resultOf = (at: Connection): Value => {
          const found = known.get(at);
          if (found !== undefined) return found;
          const byLayer = calls.get(at.inputs) ?? new Map<Layer, readonly Value[]>();
          calls.set(at.inputs, byLayer);
          const all = byLayer.get(at.layer!) ?? context.call(at.layer!, at.inputs.map(resultOf));
          byLayer.set(at.layer!, all);
          const result = all[at.index];
          if (result === undefined) {
            throw new ParamError(at.layer!.label, `it has ${all.length} results, asked for number ${at.index}`);
          }
          known.set(at, result);
          return result;
        };
        return Object.values(outputs).map(resultOf);
      },
    });
  },
});

/**
 * A network of layers that were applied to each other: any number of inputs and outputs, branches, shared layers.
 *
 * @throws ParamError where an input that a result needs is not listed, one that is listed bears on no result, or two have one name.
 * @example
 * const [a, b] = [nn.input({ name: "a", shape: [4] }), nn.input({ name: "b", shape: [4] })];
 * const shared = nn.dense(8);
 * const joined = nn.concatenate().apply([shared.apply(a), shared.apply(b)]);
 * nn.model({ inputs: [a, b], outputs: { same: nn.dense(1, { activation: "sigmoid" }).apply(joined) } });
 */
export function model({
  inputs,
  outputs,
  ...options
}: {
  readonly inputs: Connection | readonly Connection[];
  readonly outputs: Connection | Readonly<Record<string, Connection>>;
} & NetworkOptions): Network {
  const fed = inputs instanceof Connection ? [inputs] : inputs;
  if (!Array.isArray(fed)) throw new ParamError("model", "inputs must be what nn.input() gives, or a list of such");
  const results: Joined["outputs"] = outputs instanceof Connection ? { output: outputs } : outputs;
  const isNamed = !Array.isArray(results) && Object.values(results ?? {}).every((at) => at instanceof Connection);
  if (!isNamed || Object.keys(results ?? {}).length === 0) {
    throw new ParamError(
      "model",
      "outputs must be what a layer's apply gives, or several of it by name: { price, risk }",
    );
  }
  const names = fed.map((connection, i) => {
    const name = connection instanceof Connection ? connection.input?.name : undefined;
    if (name === undefined) throw new ParamError("model", `input ${i + 1} must be made by nn.input()`);
    return name;
  });
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated !== undefined) throw new ParamError("model", `two inputs are called "${repeated}"; name them apart`);
  requireInputs(fed, Object.values(results));
  return joined({ graph: { inputs: fed, outputs: results }, ...options }) as Network;
}

function requireInputs(fed: readonly Connection[], results: readonly Connection[]): void {
  const seen = new Set<Connection>();
  const visit = (at: Connection): void => {
    if (seen.has(at)) return;
    seen.add(at);
    if (at.layer === undefined && !fed.includes(at)) {
      throw new ParamError("model", `a result needs the input "${at.input?.name}", which is not among inputs`);
    }
    at.inputs.forEach(visit);
  };
  results.forEach(visit);
  const unread = fed.find((at) => !seen.has(at));
  if (unread === undefined) return;
  const message = `no output reads the input "${unread.input?.name}"; leave it out of inputs, or apply a layer to it`;
  throw new ParamError("model", message);
}

/** The network itself, or a single layer as a network. */
export function networkOf(layer: Layer): Network {
  if (layer instanceof Network) return layer;
  if (layer instanceof Layer) return sequential([layer]);
  throw new GraphError("network", "expected layers, as nn.sequential([nn.dense(10)])");
}

function labelOf(type: string, name: string | undefined): string {
  return name === undefined ? type : `${type} "${name}"`;
}

function isInput(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as NetworkInput).name === "string";
}
