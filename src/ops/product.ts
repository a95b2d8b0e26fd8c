/** @file Product: a gradient that is a product of matrices and waits, so that several become one. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Node } from "../graph/types.js";
import { SymbolicTensor, type Value } from "../graph/value.js";
import { join } from "./join.js";

/** Rows from which a product is worth being made on its own and added up: fewer are joined first. */
const manyRows = 128;

/**
 * A' D for matrices of `rows` many rows. A weight that is used at every step of a sequence gets one product over all steps,
 * A1' D1 + A2' D2 = [A1; A2]' [D1; D2], or where there are many rows a product for each, added to the one before.
 */
export class Product {
  readonly left: Value;
  readonly right: Value;

  constructor(left: Value, right: Value) {
    this.left = left;
    this.right = right;
  }

  /** The gradients as tensors, products joined into one. */
  static combine(g: GraphBuilder, grads: readonly (Value | Product)[]): Value[] {
    const products = grads.filter((grad) => grad instanceof Product);
    const tensors = grads.filter((grad) => grad instanceof SymbolicTensor);
    return products.length === 0 ? tensors : [...tensors, sumOf(g, products)];
  }
}

function sumOf(g: GraphBuilder, products: readonly Product[]): Value {
  const lefts = products.map(({ left }) => left);
  const rights = products.map(({ right }) => right);
  if (lefts.length > 1 && lefts.every(({ shape }) => Number(shape![0]) >= manyRows)) {
    return lefts.reduce<Value | undefined>(
      (sum, left, i) => g.gemm(left, rights[i]!, sum, { transA: true }),
      undefined,
    )!;
  }
  return g.matmul(g.transpose(join(g, lefts), [1, 0]), join(g, rights));
}

/**
 * A product of matrices with rows and columns changed places, made anew as (A B)' = B' A', which the runtime computes without
 * turning anything; undefined for what is no such product, or is read as it is too.
 */
export function turnedProduct(g: GraphBuilder, y: Value): Value | undefined {
  const node = makerOf(g, y);
  if (node?.opType !== "MatMul" || g.nodes.some(({ inputs }) => inputs.includes(y.name))) return undefined;
  const [a, b] = [g.tensor(node.inputs[0]!), g.tensor(node.inputs[1]!)];
  return (a.rank ?? 0) >= 2 && (b.rank ?? 0) >= 2 ? g.matmul(g.swapLast(b), g.swapLast(a)) : undefined;
}

/** Whether a product of matrices or a convolution makes these numbers: they are infinite only where sums overflow. */
export function isProduct(g: GraphBuilder, value: Value): boolean {
  const node = makerOf(g, value);
  if (node?.opType === "Reshape") return isProduct(g, g.tensor(node.inputs[0]!));
  return node !== undefined && ["MatMul", "Gemm", "Conv", "ConvTranspose"].includes(node.opType);
}

/** The node that makes a tensor, if this graph has it. */
export function makerOf(g: GraphBuilder, { name }: Value): Node | undefined {
  return g.nodes.findLast(({ outputs }) => outputs.includes(name));
}
