/** @file SymbolicTensor: a tensor of a graph being built, with every operator as a method. */

import type { Tensor } from "../tensor/tensor.js";
import type { NodeBuilder } from "./builder.js";
import type { ElementType } from "./element-type.js";
import type { GraphBuilder, OperatorName } from "./graph-builder.js";
import type { Known } from "./known.js";
import type { StoredTensor } from "./stored-tensor.js";
import type { Dim } from "./types.js";

/** A tensor of the graph, one with values (a constant), or a number, which takes the other operand's dtype. */
export type Operand = Value | Tensor | number;

/** Operators as methods: `x.add(y)` is `g.add(x, y)`. */
type Fluent = {
  readonly [K in OperatorName]: GraphBuilder[K] extends (x: never, ...rest: infer R) => infer O
    ? (...rest: R) => O
    : never;
};

/**
 * A tensor of a graph being built.
 *
 * @example
 * trace(({ x }) => ({ y: x.matmul(w).add(b).relu() }), { x: { shape: ["batch", 4] } });
 */
export type Value = SymbolicTensor & Fluent;

export class SymbolicTensor implements Known {
  readonly builder: NodeBuilder;
  readonly name: string;
  readonly dtype: ElementType | undefined;
  /** Sizes: numbers, names, or "?"; undefined where not even their number is known. */
  readonly shape: readonly Dim[] | undefined;
  readonly elements: readonly Dim[] | undefined;
  readonly constant: StoredTensor | undefined;

  constructor(builder: NodeBuilder, name: string, known: Known) {
    this.builder = builder;
    this.name = name;
    this.dtype = known.dtype;
    this.shape = known.shape;
    this.elements = known.elements;
    this.constant = known.constant;
  }

  /** Number of dimensions, or undefined where it is not known. */
  get rank(): number | undefined {
    return this.shape?.length;
  }
}
