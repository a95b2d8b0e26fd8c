/** @file fromOnnx: a network made of an ONNX file, to be trained on or to stand before other layers. */

import { existsSync } from "node:fs";
import { expectOptions } from "../data/expect.js";
import { didYouMean, GraphError, ParamError } from "../errors.js";
import { baseOpset } from "../graph/builder.js";
import { foldConstants } from "../graph/fold.js";
import { Graph } from "../graph/graph.js";
import { run } from "../runtime/run.js";
import { Asset } from "../util/asset.js";
import { asset, boolean, choice, json, number, optional, strings, text, type Values } from "../util/params.js";
import { show } from "../util/show.js";
import { layers } from "./layer.js";
import { Network } from "./network.js";
import { buildGraph, type WeightState } from "./onnx-build.js";
import { dependentsOf, weightsOf } from "./onnx-weights.js";

/** What holds for the weights of a file from some tensor on; later rules win. */
export interface WeightRule {
  /** A tensor, node or weight; default all weights. */
  readonly from?: string;
  readonly trainable?: boolean;
  readonly rate?: number;
}

const specs = {
  model: asset("the ONNX file"),
  outputs: optional(strings("tensors that are its results; default the file's outputs")),
  rules: json<readonly WeightRule[]>("which weights are trained, and at which rate", "a list of rules", Array.isArray, {
    default: [],
  }),
  batchNormStatistics: choice(
    "statistics of BatchNormalization while training: those of the file, or the batch's",
    ["frozen", "batch"],
    { default: "frozen" },
  ),
  name: optional(text("name of the network, before the names of its weights")),
  trainable: boolean("whether training changes its weights", { default: true }),
  lrMultiplier: number("factor of the learning rate for all its weights", { default: 1, min: 0 }),
};

type OnnxParams = Values<typeof specs>;

const make = layers.define({ type: "OnnxNetwork", specs, positional: [], make: (params) => new OnnxNetwork(params) });

/** Graphs of files, as outputs ask for them; parsed once. */
const parsed = new WeakMap<Asset, Graph>();

function wholeOf({ model }: Pick<OnnxParams, "model">): Graph {
  const whole = parsed.get(model) ?? Graph.fromBytes(model.bytes);
  parsed.set(model, whole);
  return whole;
}

/**
 * A network made of an ONNX file; `nn.fromOnnx` reads one. Its weights are the file's float32 constants that are learned
 * (kernels, tables, biases, scales), under the file's names. Each method gives a changed copy.
 *
 * @example
 * const base = (await nn.fromOnnx("mobilenet.onnx")).cutAt("features").freeze();
 * nn.sequential([base.unfreeze({ from: "block15" }).rate(0.1), nn.dense(5)]);
 */
export class OnnxNetwork extends Network {
  readonly graph: Graph;
  declare readonly params: OnnxParams;

  constructor(params: OnnxParams) {
    const whole = wholeOf(params);
    const graph = params.outputs === undefined ? whole : whole.cutAt(params.outputs);
    super({
      type: "OnnxNetwork",
      params,
      label: params.name === undefined ? "OnnxNetwork" : `OnnxNetwork "${params.name}"`,
      keepsMask: false,
      inputs: graph.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: shape?.slice(1) })),
      outputs: graph.outputs.map(({ name }) => name),
      build: (context, inputs) => buildGraph(context, graph, inputs, ruled(graph, params), params.batchNormStatistics),
    });
    this.graph = graph;
  }

  /** Names of the weights that it has; those that training changes with `trainable: true`. */
  weightNames({ trainable }: { readonly trainable?: boolean } = {}): string[] {
    const rules = ruled(this.graph, this.params);
    const isTrained = (name: string) => this.params.trainable && rules.get(name)!.trainable;
    return [...rules.keys()].filter((name) => trainable === undefined || isTrained(name) === trainable);
  }

  /** The same network up to these tensors, which become its results. @throws GraphError for a tensor it lacks */
  cutAt(...names: readonly string[]): OnnxNetwork {
    return this.#with({ outputs: names });
  }

  /** Training leaves all of its weights as they are. */
  freeze(): OnnxNetwork {
    return this.#with({ rules: [...this.params.rules, { trainable: false }] });
  }

  /**
   * Training changes all of its weights again, or those from a tensor, node or weight on.
   *
   * @throws GraphError for a name it lacks; ParamError for an option there is not.
   */
  unfreeze(options: { readonly from?: string } = {}): OnnxNetwork {
    expectOptions(options, "unfreeze", ["from"]);
    const { from } = options;
    return this.#ruled({ trainable: true, ...(from !== undefined && { from }) });
  }

  /**
   * A factor of the learning rate of all its weights, or those from a tensor, node or weight on.
   *
   * @throws GraphError for a name it lacks; ParamError for a factor below 0, and an option there is not.
   */
  rate(multiplier: number, options: { readonly from?: string } = {}): OnnxNetwork {
    if (!(Number.isFinite(multiplier) && multiplier >= 0)) {
      throw new ParamError("rate", `multiplier must be a number of at least 0, got ${show(multiplier)}`);
    }
    expectOptions(options, "rate", ["from"]);
    const { from } = options;
    return this.#ruled({ rate: multiplier, ...(from !== undefined && { from }) });
  }

  #ruled(rule: WeightRule): OnnxNetwork {
    if (rule.from !== undefined) dependentsOf(wholeOf(this.params), rule.from);
    return this.#with({ rules: [...this.params.rules, rule] });
  }

  #with(changes: Partial<OnnxParams>): OnnxNetwork {
    return make({ ...this.params, ...changes }) as OnnxNetwork;
  }
}

/** What the rules say of each weight; they speak of the whole file, wherever the network ends. */
function ruled(graph: Graph, params: OnnxParams): ReadonlyMap<string, WeightState> {
  const states = new Map(
    [...weightsOf(graph)].map((name): [string, WeightState] => [name, { trainable: true, rate: 1 }]),
  );
  for (const { from, trainable, rate } of params.rules) {
    const nodes = from === undefined ? undefined : dependentsOf(wholeOf(params), from);
    const hit = nodes === undefined ? [...states.keys()] : [...nodes].flatMap(({ inputs }) => inputs);
    for (const name of hit) {
      const state = states.get(name);
      if (state === undefined) continue;
      states.set(name, { trainable: trainable ?? state.trainable, rate: rate ?? state.rate });
    }
  }
  return states;
}

/** What becomes of each weight of a network. */
export function weightStates(network: OnnxNetwork): ReadonlyMap<string, WeightState> {
  return ruled(network.graph, network.params);
}

export interface FromOnnxOptions {
  /** Name of the network, before the names of its weights. */
  readonly name?: string;
  /** What BatchNormalization uses while training: the file's running statistics (default), or the batch's. */
  readonly batchNormStatistics?: "frozen" | "batch";
}

/** Finds a model by a registered name: its file or bytes. */
type FindModel = (name: string) => Promise<Asset> | undefined;
let findModel: FindModel = () => undefined;
let namesOfModels: () => readonly string[] = () => [];

/** Lets `fromOnnx` know names of models; whoever registers models calls it. */
export function findModelsWith(find: FindModel, names: () => readonly string[]): void {
  findModel = find;
  namesOfModels = names;
}

/**
 * Reads an ONNX model as a network: a path, bytes, a Graph, or the name of a registered model. Weights that are stored small
 * (int8, float16) become float32.
 *
 * @throws GraphError where the file is missing, malformed, or older than can be brought up to date.
 * @example const base = await nn.fromOnnx("efficientnet-lite0");
 */
export async function fromOnnx(
  source: string | Uint8Array | Graph | Asset,
  options: FromOnnxOptions = {},
): Promise<OnnxNetwork> {
  const named = typeof source === "string" ? await findModel(source) : undefined;
  const given = named ?? source;
  if (typeof given === "string" && !existsSync(given)) {
    const advice = "; give the path of an .onnx file, its bytes, or the name of a registered model";
    throw new GraphError(
      "fromOnnx",
      `there is no file ${JSON.stringify(given)}, and no registered model of that name${didYouMean(given, namesOfModels()) || advice}`,
    );
  }
  const read = given instanceof Graph ? given : await Graph.load(given instanceof Asset ? given.bytes : given);
  if (read.inputs.length === 0)
    throw new GraphError("fromOnnx", "the model has no inputs, so nothing can be fed to it");
  const version = read.opsets.get("") ?? baseOpset;
  const graph = await foldConstants(version < baseOpset ? read.atOpset(baseOpset) : read, { run });
  const model = new Asset(graph.toBytes());
  parsed.set(model, graph);
  return make({ model, ...options }) as OnnxNetwork;
}
