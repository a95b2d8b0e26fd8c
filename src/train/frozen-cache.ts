/** @file The frozen part's results, computed once per row: training then runs on them, and no longer on the data. */

import type { Graph } from "../graph/graph.js";
import { frozenPart } from "../nn/frozen.js";
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
  if (!graph.nodes.some(({ opType }) => heavy.has(opType))) return undefined;
  const inputs = resultFields(graph, parts.rest.inputs);
  if (inputs === undefined || rowCount * bytesOf(inputs) > mostBytes) return undefined;
  const rest: Problem = { ...problem, network: parts.rest, inputs };
  const session = await openSession(graph, { name: "frozen part", threads: 1, device });
  return {
    problem: rest,
    rows: (store, signal) => resultRows(session, problem, rest, store, signal),
    close: () => session.close(),
  };
}

/** One field per result, named as the rest's inputs; undefined where a size is not known. */
function resultFields(graph: Graph, inputs: readonly { readonly name: string }[]): Field[] | undefined {
  const fields = graph.outputs.map(({ dtype, shape }, i): Field | undefined => {
    const row = shape?.slice(1);
    if (dtype === undefined || dtype === "string" || !row?.every((dim) => typeof dim === "number")) return undefined;
    return { name: inputs[i]!.name, dtype: dtype as Exclude<DType, "string">, shape: row };
  });
  return fields.every((field) => field !== undefined) ? fields : undefined;
}

function bytesOf(fields: readonly Field[]): number {
  return fields.reduce((sum, { dtype, shape }) => sum + bytesPerElement(dtype) * sizeOf(shape), 0);
}

async function resultRows(
  session: Session,
  problem: Problem,
  rest: Problem,
  store: RowStore,
  signal: AbortSignal | undefined,
): Promise<RowStore> {
  const results = new RowStore(fieldsOf(rest), store.limits);
  const kept = fieldsOf(problem).slice(problem.inputs.length);
  try {
    for (const pieces of reads(store)) {
      const rows = await store.read(pieces);
      // all of them at once: the pool's threads share them
      const calls = Array.from({ length: Math.ceil(rows.count / callRows) }, (_, i) => {
        const [from, to] = [i * callRows, Math.min(rows.count, (i + 1) * callRows)];
        const feeds = problem.inputs.map((field) => [field.name, tensorOf(rows, field, from, to)]);
        return session.run(Object.fromEntries(feeds), { signal });
      });
      const found = await Promise.all(calls);
      for (const [i, tensors] of found.entries()) {
        const [from, to] = [i * callRows, Math.min(rows.count, (i + 1) * callRows)];
        const columns = [
          ...rest.inputs.map(({ name }, at) => [name, tensors[session.outputs[at]!.name]!.data]),
          ...kept.map((field) => [field.name, tensorOf(rows, field, from, to).data]),
        ];
        await results.add({ count: to - from, columns: Object.fromEntries(columns) });
      }
    }
    return results;
  } catch (error) {
    await results.close();
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
