/** @file The frozen part's results, computed once per row: training then runs on them, and no longer on the data. */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Session } from "../runtime/session.js";
import { sizeOf } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { type Field, type Form, fieldsOf } from "./problem.js";
import type { Rows } from "./resident-rows.js";
import { type Piece, RowStore } from "./row-store.js";

/** Rows and bytes that are read for a few calls; rows and bytes of one call, which are copied at once. */
const [readRows, readBytes, mostCallRows, callBytes] = [256, 16 * 2 ** 20, 32, 4 * 2 ** 20];

/**
 * The store's rows with results in place of inputs; the caller closes it. Its bounds are those of `store`.
 *
 * @param inputs fields that feed the frozen part
 * @param results what it gives; `form` is that of the new rows
 */
export async function resultRows(
  session: Session,
  inputs: readonly Field[],
  { results, form }: { readonly results: readonly Field[]; readonly form: Form },
  store: RowStore,
  signal: AbortSignal | undefined,
): Promise<RowStore> {
  const found = new RowStore(fieldsOf(form), store.limits);
  const kept = fieldsOf(form).slice(results.length);
  const callRows = Math.max(1, Math.min(mostCallRows, Math.floor(callBytes / store.rowBytes)));
  try {
    for (const pieces of reads(store)) {
      const rows = await store.read(pieces);
      // all of them at once: the pool's threads share them
      const calls: ReturnType<Session["run"]>[] = [];
      for (let from = 0; from < rows.count; from += callRows) {
        const feeds = inputs.map((field) => [
          field.name,
          tensorOf(rows, field, from, Math.min(rows.count, from + callRows)),
        ]);
        const call = session.run(Object.fromEntries(feeds), { signal });
        // a failure is told when all are waited for
        call.catch(() => {});
        calls.push(call);
        await nextTurn();
      }
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
