/** @file The tensors of a graph being built, by name: what is known of each, and which are inputs and weights. */

import type { Tensor } from "../tensor/tensor.js";
import { type Known, knownConstant } from "./known.js";
import { Namer } from "./names.js";
import { bodiesOf } from "./scope.js";
import { StoredTensor } from "./stored-tensor.js";
import type { Node, ValueInfo } from "./types.js";
import type { Value } from "./value.js";

export class TensorTable {
  /** Names are unique over all bodies. */
  readonly namer: Namer;
  readonly inputs: ValueInfo[] = [];
  readonly initializers = new Map<string, StoredTensor>();
  readonly #outer: TensorTable | undefined;
  readonly #make: (name: string, known: Known) => Value;
  readonly #values = new Map<string, Value>();
  readonly #constants = new Map<string, Value>();

  /** @param outer that of the graph around a body of If, Loop or Scan */
  constructor(make: (name: string, known: Known) => Value, outer?: TensorTable) {
    this.#make = make;
    this.#outer = outer;
    this.namer = outer?.namer ?? new Namer();
  }

  /** The tensor of that name in this graph. */
  own(name: string): Value | undefined {
    return this.#values.get(name);
  }

  /** The tensor of that name in this graph or one around it. */
  find(name: string): Value | undefined {
    return this.#values.get(name) ?? this.#outer?.find(name);
  }

  declare(name: string, known: Known): Value {
    const value = this.#make(name, known);
    this.#values.set(name, value);
    return value;
  }

  declareInput(info: ValueInfo): Value {
    this.inputs.push(info);
    if (!this.namer.has(info.name)) this.namer.fresh(info.name);
    return this.declare(info.name, { dtype: info.dtype, shape: info.shape });
  }

  declareConstant(name: string, tensor: StoredTensor): Value {
    this.namer.fresh(name);
    this.initializers.set(name, tensor);
    return this.declare(name, knownConstant(tensor));
  }

  /** A constant without a name of its own; equal ones are one tensor. */
  constant(tensor: Tensor): Value {
    const key = `${tensor.dtype} ${tensor.shape} ${tensor.data}`;
    const cached = this.#constants.get(key);
    if (cached !== undefined) return cached;
    const made = this.declareConstant(this.namer.fresh("constant"), StoredTensor.of(tensor));
    this.#constants.set(key, made);
    return made;
  }

  /** Takes the names that nodes give, also within their bodies. */
  reserve(nodes: readonly Node[]): void {
    for (const node of nodes) {
      for (const name of node.outputs) if (name !== "") this.namer.fresh(name);
      for (const body of bodiesOf(node)) {
        for (const { name } of body.inputs) this.namer.fresh(name);
        for (const name of body.initializers.keys()) this.namer.fresh(name);
        this.reserve(body.nodes);
      }
    }
  }

  /** Whether the tensor is an input or a weight. */
  isFed(name: string): boolean {
    return this.initializers.has(name) || this.inputs.some((info) => info.name === name);
  }

  /** Dtypes and shapes of what nodes give, as far as both are known. */
  valueInfo(nodes: readonly Node[]): Map<string, ValueInfo> {
    const found = new Map<string, ValueInfo>();
    for (const name of nodes.flatMap(({ outputs }) => outputs)) {
      const { dtype, shape } = this.#values.get(name) ?? {};
      if (dtype !== undefined && shape !== undefined) found.set(name, { name, dtype, shape });
    }
    return found;
  }
}
