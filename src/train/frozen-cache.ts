/** @file The frozen part's results, computed once per row: training then runs on them, and no longer on the data. */

import type { Graph } from "../graph/graph.js";
import { bodiesOf } from "../graph/scope.js";
import type { GraphBody } from "../graph/types.js";
import { frozenPart } from "../nn/frozen.js";
import type { NetworkInput } from "../nn/layer.js";
import type { Device } from "../runtime/device.js";
import { openSession, type Session } from "../runtime/session.js";
import { bytesPerElement, type DType } from "../tensor/dtype.js";
import { sizeOf } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { type Field, fieldsOf, inferenceGraph, type Problem } from "./problem.js";
import { type Piece, RowStore, type Rows } from "./row-store.js";

/** Operators that are worth running once only. */
const heavy = new Set(
  "Attention Conv ConvInteger ConvTranspose Einsum Gemm GRU LSTM MatMul MatMulInteger MultiHeadAttention RNN".split(
    " ",
  ),
);

/** Rows and bytes that are read for a few calls; rows of one call. */
const [readRows, readBytes, callRows] = [256, 16 * 2 ** 20, 32];

/** Bytes of results beyond which running the frozen part each time is taken to be better. */
const mostBytes = 32 * 2 ** 30;

export interface FrozenCache {
  /** What is left to be trained, on the results. */
  readonly problem: Problem;
  /** The store's rows with results in place of inputs; the caller closes it. Its bounds are those of `store`. */
  rows(store: RowStore, signal: AbortSignal | undefined): Promise<RowStore>;
  close(): Promise<void>;
}

/**
 * Splits a problem before its first layer that training changes. Undefined where no work would be saved, or the results
 * would not fit.
 *
 * @param values all weights by name
 * @param rowCount rows of training and validation
 */
export async function frozenCache(
  problem: Problem,
  values: ReadonlyMap<string, Tensor>,
  rowCount: number,
  device: Device = "cpu",
): Promise<FrozenCache | undefined> {
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
  const through = parts.through.map((i) => problem.inputs[i]!);
  const rest: Problem = { ...problem, network: parts.rest, inputs: [...results, ...through] };
  const session = await openSession(graph, { name: "frozen part", threads: 1, device });
  return {
    problem: rest,
    rows: (store, signal) => resultRows(session, problem, rest, results, store, signal),
    close: () => session.close(),
  };
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

async function resultRows(
  session: Session,
  problem: Problem,
  rest: Problem,
  results: readonly Field[],
  store: RowStore,
  signal: AbortSignal | undefined,
): Promise<RowStore> {
  const found = new RowStore(fieldsOf(rest), store.limits);
  const kept = fieldsOf(rest).slice(results.length);
  try {
    for (const pieces of reads(store)) {
      const rows = await store.read(pieces);
      // all of them at once: the pool's threads share them
      const calls = Array.from({ length: Math.ceil(rows.count / callRows) }, (_, i) => {
        const [from, to] = [i * callRows, Math.min(rows.count, (i + 1) * callRows)];
        const feeds = problem.inputs.map((field) => [field.name, tensorOf(rows, field, from, to)]);
        return session.run(Object.fromEntries(feeds), { signal });
      });
      for (const [i, tensors] of (await Promise.all(calls)).entries()) {
        const [from, to] = [i * callRows, Math.min(rows.count, (i + 1) * callRows)];
        const columns = [
          ...results.map(({ name }, at) => [name, tensors[session.outputs[at]!.name]!.data]),
          ...kept.map((field) => [field.name, tensorOf(rows, field, from, to).data]),
        ];
        await found.add({ count: to - from, columns: Object.fromEntries(columns) });
      }
    }
    return found;
  } catch (error) {
    await found.close();
    throw error;
  }
}

/** The store's rows in order, some segments at a time. */
function* reads({ segments, rowBytes }: RowStore): Generator<Piece[]> {
  let [pieces, rows]: [Piece[], number] = [[], 0];
  for (const [segment, count] of segments.entries()) {
    pieces.push({ segment, from: 0, to: count });
    rows += count;
    if (rows < readRows && rows * rowBytes < readBytes && segment < segments.length - 1) continue;
    yield pieces;
    [pieces, rows] = [[], 0];
  }
}

function tensorOf({ columns }: Rows, { name, dtype, shape }: Field, from: number, to: number): Tensor {
  const width = sizeOf(shape);
  return new Tensor(dtype, columns[name]!.subarray(from * width, to * width), [to - from, ...shape]);
}
