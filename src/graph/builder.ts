/** @file NodeBuilder: adds nodes to a graph, one after the other, and keeps what is known of every tensor. */

import { GraphError, internal } from "../errors.js";
import type { DType } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { type AttrInputs, attributeOf, tensorOf } from "./attributes.js";
import { callerPosition } from "./caller.js";
import { pruneBody, pruneModel, renameBody } from "./edit.js";
import { type ElementType, isDType } from "./element-type.js";
import { Graph } from "./graph.js";
import { type Known, type ShapeRules, unknown } from "./known.js";
import { irVersionFor } from "./opset.js";
import { StoredTensor } from "./stored-tensor.js";
import { TensorTable } from "./tensor-table.js";
import type { Attribute, Dim, GraphBody, Model, Node, ValueInfo } from "./types.js";
import { type Operand, SymbolicTensor, type Value } from "./value.js";

export interface OpOptions {
  readonly domain?: string;
  /** Number of outputs; default 1. */
  readonly outputs?: number;
  /** Version of the operator set that the node needs; the graph's is raised to it. */
  readonly since?: number;
}

export interface BuilderOptions {
  readonly rules?: ShapeRules;
  /** Around a body of If, Loop or Scan: the builder whose tensors it may read. */
  readonly outer?: NodeBuilder;
  /** Whether nodes remember the caller's line. */
  readonly positions?: boolean;
}

/** The tensors that take the place of a node's outputs, or undefined where the node stays. */
export type Expand = (node: Node) => readonly (Value | undefined)[] | undefined;

/** Version of ONNX's operators that built graphs start from. */
export const baseOpset = 18;

export class NodeBuilder {
  readonly #rules: ShapeRules | undefined;
  readonly #outer: NodeBuilder | undefined;
  readonly #positions: boolean;
  readonly #tensors: TensorTable;
  readonly #nodes: Node[] = [];
  /** Names of tensors of the graph that is continued. */
  readonly #adopted = new Set<string>();
  readonly #opsets = new Map<string, number>();
  #base: Model | undefined;
  #scope = "";

  constructor({ rules, outer, positions }: BuilderOptions = {}) {
    this.#rules = rules;
    this.#outer = outer;
    this.#positions = positions ?? false;
    const around = outer === undefined ? undefined : outer.#tensors;
    this.#tensors = new TensorTable((name, known) => new SymbolicTensor(this, name, known) as Value, around);
    // operator sets are those of the whole model
    this.#opsets = outer === undefined ? new Map([["", baseOpset]]) : outer.#opsets;
  }

  /** The innermost builder among those of the tensors in `args`. */
  static deepest(args: readonly unknown[]): NodeBuilder {
    const builders = args.flat().flatMap((arg) => (arg instanceof SymbolicTensor ? [arg.builder] : []));
    return builders.reduce((a, b) => (b.#isInside(a) ? b : a));
  }

  #isInside(other: NodeBuilder): boolean {
    for (let at: NodeBuilder | undefined = this.#outer; at !== undefined; at = at.#outer) if (at === other) return true;
    return false;
  }

  /** Starts from a graph: its tensors can be read, and what is built comes after them. `expand` may put others for a node. */
  protected adopt(graph: Graph, expand?: Expand): void {
    this.#base = graph;
    for (const [domain, version] of graph.opsets) this.#opsets.set(domain, version);
    for (const info of graph.inputs) this.#tensors.declareInput(info);
    for (const info of graph.defaults) this.#tensors.namer.fresh(info.name);
    for (const [name, tensor] of graph.initializers) this.#tensors.declareConstant(name, tensor);
    this.#tensors.reserve(graph.nodes);
    for (const node of graph.nodes) {
      const values = expand?.(node);
      if (values === undefined) this.#adoptNode(node, graph);
      else {
        node.outputs.forEach((name, i) => {
          const source = values[i];
          if (name === "" || source === undefined) return;
          this.#adoptNode(
            {
              ...{ ...node, name: "", opType: "Identity", domain: "" },
              ...{ inputs: [source.name], outputs: [name], attrs: new Map() },
            },
            graph,
          );
        });
      }
    }
  }

  #adoptNode(node: Node, graph: Graph): void {
    const known = this.#infer(node, false);
    node.outputs.forEach((name, i) => {
      if (name === "") return;
      this.#adopted.add(name);
      this.#tensors.declare(name, mergeKnown(known[i] ?? unknown, graph.valueInfo.get(name)));
    });
    this.#nodes.push(node);
  }

  /** Names made inside `fn` begin with `scope/`. */
  scope<T>(scope: string, fn: () => T): T {
    const before = this.#scope;
    this.#scope = `${before}${scope}/`;
    try {
      return fn();
    } finally {
      this.#scope = before;
    }
  }

  /** Names made inside `fn` are as given, whatever scopes are around it. */
  unscoped<T>(fn: () => T): T {
    const before = this.#scope;
    this.#scope = "";
    try {
      return fn();
    } finally {
      this.#scope = before;
    }
  }

  /** Declares what must be fed. Sizes that are not known yet have a name, or "?". */
  input(name: string, dtype: ElementType, shape?: readonly Dim[]): Value {
    if (this.#tensors.namer.has(name))
      throw new GraphError("input", `the name ${JSON.stringify(name)} is taken; choose another`);
    return this.#tensors.declareInput({ name, dtype, shape });
  }

  /** An input of a body of If, Loop or Scan: its name is of no matter. */
  bodyInput(label: string, dtype: ElementType | undefined, shape: readonly Dim[] | undefined): Value {
    return this.#tensors.declareInput({ name: this.#tensors.namer.fresh(label), dtype, shape });
  }

  /** A weight: a constant under its own name, which may be differentiated and replaced. */
  parameter(name: string, tensor: Tensor | StoredTensor): Value {
    const stored = tensor instanceof StoredTensor ? tensor : StoredTensor.of(tensor);
    return this.#tensors.declareConstant(this.#tensors.namer.fresh(this.#scope + name), stored);
  }

  /** A constant; equal small ones are one tensor. */
  constant(value: Tensor | number | readonly number[], dtype: DType = "float32"): Value {
    const tensor = value instanceof Tensor ? value : tensorOf(value, dtype);
    if (tensor.size > 64 || tensor.dtype === "string") return this.parameter("constant", tensor);
    return this.#tensors.constant(tensor);
  }

  /** An int64 vector. */
  ints(values: readonly (number | bigint)[]): Value {
    return this.constant(new Tensor("int64", BigInt64Array.from(values, BigInt)));
  }

  /** The tensor of that name, in this graph or one around it. */
  tensor(name: string): Value {
    const found = this.#tensors.find(name);
    if (found === undefined) throw new GraphError("tensor", `no tensor ${JSON.stringify(name)} in the graph`);
    return found;
  }

  has(name: string): boolean {
    return this.#tensors.find(name) !== undefined;
  }

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** Version of ONNX's operators so far. */
  get opset(): number {
    return this.#opsets.get("") ?? baseOpset;
  }

  /** Version of a domain's operators so far. */
  opsetOf(domain: string): number {
    return this.#opsets.get(domain) ?? 1;
  }

  /** Raises operator sets to those that nodes from a file need. */
  requireOpsets(opsets: ReadonlyMap<string, number>): void {
    for (const [domain, version] of opsets) this.#opsets.set(domain, Math.max(this.opsetOf(domain), version));
  }

  /** Adds a node with one output. Numbers among the inputs become constants of the first tensor's dtype. */
  op(opType: string, inputs: readonly (Operand | undefined)[], attrs?: AttrInputs, options?: OpOptions): Value {
    return this.ops(opType, inputs, attrs, options)[0]!;
  }

  /** Adds a node with several outputs. */
  ops(opType: string, inputs: readonly (Operand | undefined)[], attrs?: AttrInputs, options: OpOptions = {}): Value[] {
    const dtype = inputs.find((x) => x instanceof SymbolicTensor)?.dtype;
    const names = inputs.map((input) => this.#nameOf(input, dtype));
    while (names.at(-1) === "") names.pop();
    const base = this.#scope + opType;
    const outputs = Array.from({ length: options.outputs ?? 1 }, () => this.#tensors.namer.fresh(base));
    const given = Object.entries(attrs ?? {}).flatMap(([name, value]): [string, Attribute][] => {
      return value === undefined ? [] : [[name, attributeOf(value, `${opType}.${name}`)]];
    });
    const domain = options.domain ?? "";
    this.#opsets.set(domain, Math.max(this.#opsets.get(domain) ?? 1, options.since ?? 1));
    const at = this.#positions ? callerPosition() : undefined;
    return this.addNode({ opType, domain, name: "", inputs: names, outputs, attrs: new Map(given), at });
  }

  /**
   * Adds a node as it stands; its outputs' names must be fresh. A node from a file is not checked for shapes. `like` tells
   * dtypes and shapes of the outputs that its rule cannot know.
   */
  addNode(
    node: Node,
    { fromFile = false, like }: { readonly fromFile?: boolean; readonly like?: readonly Value[] } = {},
  ): Value[] {
    const known = this.#infer(node, !fromFile);
    this.#nodes.push(node);
    return node.outputs.map((name, i) => {
      const same = like?.[i];
      return this.#tensors.declare(
        name,
        same === undefined ? (known[i] ?? unknown) : { ...known[i], dtype: same.dtype, shape: same.shape },
      );
    });
  }

  /** Puts a node in the place of another; outputs that are new to the graph can be read from then on. */
  replaceNode(old: Node, node: Node): void {
    const known = this.#infer(node, false);
    this.#nodes[this.#nodes.indexOf(old)] = node;
    node.outputs.forEach((name, i) => {
      if (name !== "" && !old.outputs.includes(name)) this.#tensors.declare(name, known[i] ?? unknown);
    });
  }

  /** Puts what `build` makes in the place of a node; the outputs it gives take over the node's names. */
  insteadOf(node: Node, build: () => readonly Value[]): void {
    const at = this.#nodes.indexOf(node);
    const first = this.#nodes.length;
    const values = build();
    const copies = node.outputs.flatMap((name, i): Node[] => {
      const inputs = [values[i]?.name ?? ""];
      return name === ""
        ? []
        : [{ opType: "Identity", domain: "", name: "", inputs, outputs: [name], attrs: new Map() }];
    });
    this.#nodes.splice(at, 1, ...this.#nodes.splice(first), ...copies);
  }

  /** Gives `name`, or the name with a number where it is taken. */
  fresh(name: string): string {
    return this.#tensors.namer.fresh(name);
  }

  /** A builder for a body of If, Loop or Scan inside this graph. */
  protected inner(): BuilderOptions {
    const rules = this.#rules === undefined ? {} : { rules: this.#rules };
    return { ...rules, outer: this, positions: this.#positions };
  }

  /** What was built, with `outputs` under the names of the record's keys; a body inside a graph without what they do not need. */
  body(outputs: Readonly<Record<string, Operand>>, name = "graph"): GraphBody {
    const renames = new Map<string, string>();
    const infos: ValueInfo[] = [];
    for (const [output, operand] of Object.entries(outputs)) {
      let value = this.#valueOf(operand);
      if (value.name !== output) {
        if (this.#tensors.own(output) !== undefined) {
          if (this.#isGiven(output)) throw new GraphError("outputs", `the name ${JSON.stringify(output)} is taken`);
          renames.set(output, this.#tensors.namer.fresh(output));
        }
        // an input, a weight or a tensor that is an output already is copied
        const own =
          this.#tensors.own(value.name) === value && !this.#isGiven(value.name) && !this.#adopted.has(value.name);
        if (!own || renames.has(value.name)) value = this.op("Identity", [value]);
        renames.set(value.name, output);
      }
      infos.push({ name: output, dtype: value.dtype, shape: value.shape });
    }
    const whole: GraphBody = {
      name,
      nodes: [...this.#nodes],
      inputs: [...this.#tensors.inputs],
      outputs: [],
      initializers: new Map(this.#tensors.initializers),
      defaults: this.#base?.defaults ?? [],
      valueInfo: this.#tensors.valueInfo(this.#nodes),
    };
    const renamed = renames.size === 0 ? whole : renameBody(whole, (tensor) => renames.get(tensor) ?? tensor);
    for (const info of infos) (renamed.valueInfo as Map<string, ValueInfo>).delete(info.name);
    const made = { ...renamed, outputs: infos };
    return this.#outer === undefined ? made : pruneBody(made);
  }

  /** The graph that was built, without what no output needs. */
  finish(outputs: Readonly<Record<string, Operand>>, name = "graph"): Graph {
    if (this.#outer !== undefined) throw internal("a body is finished as a graph");
    const whole = this.body(outputs, this.#base?.name ?? name);
    // names of a file's nodes may be those of new tensors, and no two nodes may share one
    const body = this.#base === undefined ? { ...whole, nodes: whole.nodes.map(named) } : whole;
    const model: Model = {
      ...this.#base,
      ...body,
      irVersion: irVersionFor(this.opset, this.#base?.irVersion),
      opsets: new Map(this.#opsets),
      functions: this.#base?.functions ?? [],
      metadata: this.#base?.metadata ?? new Map(),
    };
    return new Graph(pruneModel(model));
  }

  /** Whether a tensor's name must stay: an input, a weight, an output of the graph that is continued. */
  #isGiven(name: string): boolean {
    return this.#tensors.isFed(name) || (this.#base?.outputs.some((info) => info.name === name) ?? false);
  }

  #valueOf(operand: Operand): Value {
    return typeof operand === "number" || operand instanceof Tensor ? this.constant(operand) : operand;
  }

  #nameOf(operand: Operand | undefined, dtype: ElementType | undefined): string {
    if (operand === undefined) return "";
    if (operand instanceof Tensor) return this.constant(operand).name;
    if (typeof operand !== "number") return operand.name;
    const like = dtype !== undefined && isDType(dtype) && dtype !== "string" ? dtype : "float32";
    return this.constant(operand, like).name;
  }

  #infer(node: Node, strict: boolean): readonly Known[] {
    const lookup = (name: string): Known => this.#tensors.find(name) ?? unknown;
    const known = this.#rules?.infer(node, lookup, { strict, opset: this.#opsets.get(node.domain) ?? 1 });
    return known ?? node.outputs.map(() => unknown);
  }
}

/** Named after what it makes, for programs that show graphs. */
function named(node: Node): Node {
  return { ...node, name: node.outputs.find((name) => name !== "") ?? "" };
}

function mergeKnown(known: Known, info: ValueInfo | undefined): Known {
  if (info === undefined) return known;
  return { ...known, dtype: known.dtype ?? info.dtype, shape: known.shape ?? info.shape };
}
