/** @file How much a graph computes: its operators, and the multiplications of its products and convolutions. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Dim, Node } from "../graph/types.js";

type Shapes = (name: string) => readonly Dim[] | undefined;

/** Multiplications of products and convolutions with sizes that are known; bodies of Loops and what has names as sizes do not count. */
export function multiplicationsOf(g: GraphBuilder): number {
  return sumOver(g.nodes, (name) => g.tensor(name).shape, ofNode);
}

/** Operators that run, those of a Scan once for each round. */
export function operatorsOf(g: GraphBuilder): number {
  return sumOver(
    g.nodes,
    (name) => g.tensor(name).shape,
    () => 1,
  );
}

type Measure = (node: Node, shapes: Shapes) => number;

function sumOver(nodes: readonly Node[], shapes: Shapes, measure: Measure): number {
  const each = nodes.map((node) => (node.opType === "Scan" ? ofScan(node, shapes, measure) : measure(node, shapes)));
  return each.reduce((a, b) => a + b, 0);
}

function ofScan({ inputs, attrs }: Node, shapes: Shapes, measure: Measure): number {
  const [body, slices] = [attrs.get("body"), attrs.get("num_scan_inputs")];
  if (body?.type !== "graph" || slices?.type !== "int") return 0;
  const rounds = shapes(inputs.at(-Number(slices.value))!)?.[0];
  const { inputs: fed, valueInfo, outputs, initializers, nodes } = body.value;
  const known = [...fed, ...valueInfo.values(), ...outputs].map(({ name, shape }) => [name, shape] as const);
  const inner = new Map([...known, ...[...initializers].map(([name, { shape }]) => [name, shape] as const)]);
  return typeof rounds === "number" ? rounds * sumOver(nodes, (name) => inner.get(name) ?? shapes(name), measure) : 0;
}

function ofNode({ opType, inputs, outputs }: Node, shapes: Shapes): number {
  const sizesOf = (name: string | undefined): readonly number[] => {
    const shape = name ? shapes(name) : undefined;
    return shape?.every((dim) => typeof dim === "number") ? (shape as readonly number[]) : [];
  };
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
