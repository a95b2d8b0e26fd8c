/** @file Matrices that are kept turned (transposed): what reads them so, and hands on turned what it makes. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { makerOf } from "./product.js";

/** The matrix of which `x` is the transposed one, where the graph made it so. */
export function turnedOf(g: GraphBuilder, x: Value): Value | undefined {
  const node = makerOf(g, x);
  if (node?.opType !== "Transpose" || x.rank !== 2) return undefined;
  // a Transpose may leave the order as it is
  const [first = 1] = (node.attrs.get("perm")?.value ?? []) as number[];
  return first === 1 ? g.tensor(node.inputs[0]!) : undefined;
}

/**
 * x * kernel + bias, [rows, columns]. Of the two matrices the runtime copies the second into its own order before it
 * multiplies, at every call: so for a kernel that is kept turned the result is made turned where there are fewer rows than columns,
 * (kernel' * x' + bias')'. What follows reads it as it was made, if it can (`byElement`, `affine`), and nothing is transposed.
 */
export function affine(g: GraphBuilder, x: Value, kernel: Value, bias: Value | undefined): Value {
  const [left, right] = [turnedOf(g, x), turnedOf(g, kernel)];
  const [rows, columns] = [Number(x.shape![0]), Number(kernel.shape![1])];
  if (right !== undefined && rows < columns) {
    const column = bias && g.reshape(bias, [columns, 1]);
    return g.transpose(g.gemm(right, left ?? x, column, { transB: left === undefined }), [1, 0]);
  }
  return g.gemm(left ?? x, right ?? kernel, bias, { transA: left !== undefined, transB: right !== undefined });
}

/** A function of each element of its own. */
export function byElement(x: Value, apply: (x: Value) => Value): Value {
  const turned = turnedOf(x.builder as GraphBuilder, x);
  return turned === undefined ? apply(x) : apply(turned).transpose([1, 0]);
}
