/** @file How much a graph computes: the multiplications of its products and convolutions. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Node } from "../graph/types.js";

/** Multiplications of products and convolutions with sizes that are known; bodies of loops and what has names as sizes do not count. */
export function multiplicationsOf(g: GraphBuilder): number {
  const sizesOf = (name: string | undefined): readonly number[] => {
    const shape = name ? g.tensor(name).shape : undefined;
    return shape?.every((dim) => typeof dim === "number") ? (shape as readonly number[]) : [];
  };
  return g.nodes.reduce((sum, node) => sum + ofNode(node, sizesOf), 0);
}

function ofNode({ opType, inputs, outputs }: Node, sizesOf: (name: string | undefined) => readonly number[]): number {
  const product = (sizes: readonly number[]) => (sizes.length === 0 ? 0 : sizes.reduce((a, b) => a * b, 1));
  const [x, w, y] = [sizesOf(inputs[0]), sizesOf(inputs[1]), sizesOf(outputs[0])];
  switch (opType) {
    case "MatMul":
      return product(y) * (x.at(-1) ?? 0);
    case "Gemm":
      return y.length === 0 ? 0 : product(y) * (product(x) / y[0]!);
    case "Conv":
      return product(y) * (product(w) / (w[0] ?? 1));
    case "ConvTranspose":
      return product(x) * (product(w) / (w[0] ?? 1));
    case "LSTM":
    case "GRU":
    case "RNN":
      return (x[0] ?? 0) * (x[1] ?? 0) * (product(w) + product(sizesOf(inputs[2])));
    default:
      return 0;
  }
}
