/** @file Graph: an ONNX model as an immutable value. */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { GraphError } from "../errors.js";
import { type AppendOptions, appendModel } from "./append.js";
import { decodeModel, parseModel, tensorsOf } from "./decode.js";
import { cutModel, pruneModel, renameModel, weightsToInputs } from "./edit.js";
import { encodeChunks, encodeModel } from "./encode.js";
import { noExternalData, readExternalData } from "./external.js";
import { raiseOpset } from "./opset.js";
import { printModel } from "./print.js";
import { type SaveOptions, saveModel } from "./save.js";
import type { StoredTensor } from "./stored-tensor.js";
import type { FunctionBody, Model, Node, ValueInfo } from "./types.js";
import { checkModel } from "./validate.js";
import { storeWeights } from "./weights.js";

/**
 * An ONNX model: nodes, weights, named inputs and outputs. Every change makes a new graph that shares the weights.
 *
 * @throws GraphError from the constructor where a tensor is missing, made twice or depends on itself.
 * @example
 * const network = await Graph.load("mobilenet.onnx");
 * const features = network.cutAt(["features"]);
 * features.outputs; // [{ name: "features", dtype: "float32", shape: ["N", 1280] }]
 */
export class Graph implements Model {
  readonly name: string;
  readonly nodes: readonly Node[];
  /** What must be fed, in the file's order. */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Weights and other constants by name; `.tensor` gives the elements. */
  readonly initializers: ReadonlyMap<string, StoredTensor>;
  /** Inputs that may be fed, with an initializer as their default. */
  readonly defaults: readonly ValueInfo[];
  readonly valueInfo: ReadonlyMap<string, ValueInfo>;
  readonly irVersion: number;
  readonly opsets: ReadonlyMap<string, number>;
  readonly functions: readonly FunctionBody[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly more?: NonNullable<Model["more"]>;
  readonly moreOfModel?: NonNullable<Model["moreOfModel"]>;
  #sha256: string | undefined;

  constructor(model: Model, who = "Graph") {
    const checked = checkModel(model, who);
    this.name = checked.name;
    this.nodes = checked.nodes;
    this.inputs = checked.inputs;
    this.outputs = checked.outputs;
    this.initializers = checked.initializers;
    this.defaults = checked.defaults;
    this.valueInfo = checked.valueInfo;
    this.irVersion = checked.irVersion;
    this.opsets = checked.opsets;
    this.functions = checked.functions;
    this.metadata = checked.metadata;
    if (checked.more !== undefined) this.more = checked.more;
    if (checked.moreOfModel !== undefined) this.moreOfModel = checked.moreOfModel;
  }

  /**
   * Reads a model from a file, or from bytes. Data in other files is read from the model's own folder only.
   *
   * @throws GraphError where the file is missing, cut off, malformed or reaches outside its folder.
   */
  static async load(source: string | Uint8Array): Promise<Graph> {
    if (typeof source !== "string") return Graph.fromBytes(source);
    let bytes: Uint8Array;
    try {
      bytes = await readFile(source);
    } catch (cause) {
      throw new GraphError("Graph.load", `cannot read ${JSON.stringify(source)}`, { cause });
    }
    const proto = parseModel(bytes);
    return new Graph(decodeModel(proto, await readExternalData(source, tensorsOf(proto))), "Graph.load");
  }

  /** Reads a model whose data is all in `bytes`; the graph keeps using them, so do not change them. */
  static fromBytes(bytes: Uint8Array): Graph {
    return new Graph(decodeModel(parseModel(bytes), noExternalData), "Graph.load");
  }

  /** The model as an ONNX file, weights included. */
  toBytes(): Uint8Array {
    return encodeModel(this);
  }

  /** What `toBytes` gives, in pieces that share the large weights, for whoever copies them little by little. */
  toChunks(): readonly Uint8Array[] {
    return encodeChunks(this);
  }

  /**
   * Writes the model to a file; `externalData` puts the weights in a second file, `<path>.data`.
   *
   * @throws GraphError for models of 2 GiB or more without `externalData`.
   */
  async save(path: string, options?: SaveOptions): Promise<void> {
    await saveModel(this, path, options);
  }

  /** SHA-256 of `toBytes()`, in hex. */
  get sha256(): string {
    this.#sha256 ??= createHash("sha256").update(this.toBytes()).digest("hex");
    return this.#sha256;
  }

  /**
   * A graph whose outputs are the tensors `names`, intermediate ones too, without the nodes and weights they do not need.
   *
   * @throws GraphError where a name is no tensor of the graph.
   */
  cutAt(names: readonly string[]): Graph {
    return new Graph(cutModel(this, names), "Graph.cutAt");
  }

  /** The graph without nodes, weights and functions that no output needs; inputs stay. */
  prune(): Graph {
    return new Graph(pruneModel(this));
  }

  /**
   * Gives tensors new names, everywhere.
   *
   * @throws GraphError where an old name is missing or a new one is taken.
   * @example graph.rename({ "StatefulPartitionedCall:0": "probabilities" })
   */
  rename(names: Readonly<Record<string, string>>): Graph {
    return new Graph(renameModel(this, names), "Graph.rename");
  }

  /**
   * Feeds outputs of this graph to inputs of `other` and gives both as one graph, with the outputs of `other`.
   *
   * @throws GraphError where nothing connects, or the operator sets cannot be brought together.
   * @example resize.append(network, { connect: { images: "pixels" } }) // network's "images" is resize's "pixels"
   */
  append(other: Graph, options?: AppendOptions): Graph {
    return new Graph(appendModel(this, other, options), "Graph.append");
  }

  /**
   * Stores float32 weights smaller; they are turned back while running. `int8` keeps one scale per output channel of
   * convolutions and matrix products, and leaves other and small weights as they are.
   */
  weightsTo(type: "int8" | "float16"): Graph {
    return new Graph(storeWeights(this, type));
  }

  /**
   * The same graph with ONNX's operators at a newer version.
   *
   * @throws GraphError where the version is older, or an operator changed in a way that has no new form.
   */
  atOpset(version: number): Graph {
    return new Graph(raiseOpset(this, version, "Graph.atOpset"));
  }

  /**
   * Weights become inputs, to be fed with every run.
   *
   * @throws GraphError where a name is no weight.
   */
  feedWeights(names: readonly string[]): Graph {
    return new Graph(weightsToInputs(this, names));
  }

  /** A graph with some fields replaced. */
  with(fields: Partial<Model>): Graph {
    return new Graph({ ...this, ...fields });
  }

  /** The graph as text, one line per node. */
  toString(): string {
    return printModel(this);
  }
}
