/** @file Product: a gradient that is a product of matrices and waits, so that several become one. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import { SymbolicTensor, type Value } from "../graph/value.js";

/**
 * A' D for matrices of `rows` many rows. A weight that is used at every step of a sequence gets one product over all steps:
 * A1' D1 + A2' D2 = [A1; A2]' [D1; D2].
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
    if (products.length === 0) return tensors;
    const join = (side: readonly Value[]) =>
      side.length === 1 ? side[0]! : g.concat(side[0]!, side.slice(1), { axis: 0 });
    const left = join(products.map((product) => product.left));
    const right = join(products.map((product) => product.right));
    return [...tensors, g.matmul(g.transpose(left, [1, 0]), right)];
  }
}

/**
 * A product of matrices with rows and columns changed places, made anew as (A B)' = B' A', which the runtime computes without
 * turning anything; undefined for what is no such product, or is read as it is too.
 */
export function turnedProduct(g: GraphBuilder, y: Value): Value | undefined {
  const node = g.nodes.findLast(({ outputs }) => outputs[0] === y.name);
  if (node?.opType !== "MatMul" || g.nodes.some(({ inputs }) => inputs.includes(y.name))) return undefined;
  const [a, b] = [g.tensor(node.inputs[0]!), g.tensor(node.inputs[1]!)];
  return (a.rank ?? 0) >= 2 && (b.rank ?? 0) >= 2 ? g.matmul(g.swapLast(b), g.swapLast(a)) : undefined;
}
