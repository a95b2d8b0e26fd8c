/** @file Splits a problem into what stays as it is, as a graph, and what is trained on its results. */

import type { Graph } from "../graph/graph.js";
import { bodiesOf } from "../graph/scope.js";
import type { GraphBody } from "../graph/types.js";
import { frozenPart } from "../nn/frozen.js";
import type { NetworkInput } from "../nn/layer.js";
import { bytesPerElement, type DType } from "../tensor/dtype.js";
import { sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Field, inferenceGraph, type Problem } from "./problem.js";

/** Operators that are worth running once only. */
const heavy = new Set(
  "Attention Conv ConvInteger ConvTranspose Einsum Gemm GRU LSTM MatMul MatMulInteger MultiHeadAttention RNN".split(
    " ",
  ),
);

/** Bytes of results beyond which running the frozen part each time is taken to be better. */
const mostBytes = 32 * 2 ** 30;

export interface Split {
  /** What is left to be trained, on the results and on some of the inputs. */
  readonly problem: Problem;
  /** Gives the results, as outputs in their order. */
  readonly graph: Graph;
  readonly results: readonly Field[];
}

/**
 * Splits a problem before the layers that training changes. Undefined where no work would be saved, or the results would not
 * fit.
 *
 * @param values of the frozen weights, by name
 * @param rowCount rows of training and validation
 */
export function splitProblem(
  problem: Problem,
  values: ReadonlyMap<string, Tensor>,
  rowCount: number,
): Split | undefined {
  const parts = frozenPart(
    problem.network,
    problem.inputs.map(({ shape }) => shape),
  );
  if (parts === undefined) return undefined;
  const frozen = { network: parts.frozen, inputs: problem.inputs };
  // a result may have an input's name
  const graph = inferenceGraph(frozen, values, (_, results) =>
    Object.fromEntries(Object.values(results).map((result, i) => [`result/${i}`, result])),
  );
  if (!isHeavy(graph)) return undefined;
  const results = resultFields(graph, parts.rest.inputs);
  if (results === undefined || rowCount * bytesOf(results) > mostBytes) return undefined;
  const inputs = [...results, ...parts.through.map((i) => problem.inputs[i]!)];
  return { problem: { ...problem, network: parts.rest, inputs }, graph, results };
}

/** One field per result, named as the rest's first inputs; undefined where a size is not known. */
function resultFields(graph: Graph, inputs: readonly NetworkInput[]): Field[] | undefined {
  const fields = graph.outputs.map(({ dtype, shape }, i): Field | undefined => {
    const { name, shape: traced } = inputs[i]!;
    // a Loop says less of its results than the layer that is written as one
    const row = [shape?.slice(1), traced].find((sizes) => sizes?.every((dim) => typeof dim === "number"));
    if (dtype === undefined || dtype === "string" || row === undefined) return undefined;
    return { name, dtype: dtype as Exclude<DType, "string">, shape: row as readonly number[] };
  });
  return fields.every((field) => field !== undefined) ? fields : undefined;
}

function isHeavy({ nodes }: GraphBody): boolean {
  return nodes.some((node) => heavy.has(node.opType) || bodiesOf(node).some(isHeavy));
}

function bytesOf(fields: readonly Field[]): number {
  return fields.reduce((sum, { dtype, shape }) => sum + bytesPerElement(dtype) * sizeOf(shape), 0);
}
