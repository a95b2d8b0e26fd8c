/** @file Conformance rows: Einsum, Attention. */

import { attention } from "../../src/ops/attention.js";
import { einsum } from "../../src/ops/einsum.js";
import { float32Only, normal, type OpRow } from "./op-table.js";

const [a, b] = [normal([2, 3, 4]), normal([2, 4, 5], { seed: 2 })];

/** Queries, keys and values: their heads and sizes are never open. */
function head(shape: readonly number[], seed: number) {
  return { ...normal(shape, { seed }), fixed: true };
}

export const rows: readonly OpRow[] = [
  {
    op: einsum,
    inputs: { xs: [a, b] },
    attrs: ["bij,bjk->bik", "bij,bjk", "bij,bjk->ki", "bij,bjk->i", "...ij,...jk->...ik"].map((equation) => ({
      equation,
    })),
  },
  {
    op: einsum,
    name: "one input",
    inputs: { xs: [a] },
    attrs: ["ijk->kij", "ijk->", "...k->...", "ijk->j"].map((equation) => ({ equation })),
  },
  {
    op: einsum,
    name: "broadcast",
    inputs: { xs: [normal([1, 3, 4]), b] },
    attrs: [{ equation: "...ij,...jk->...ik" }],
  },
  { op: einsum, name: "three inputs", inputs: { xs: [normal([2]), a, b] }, attrs: [{ equation: "b,bij,bjk->ik" }] },
  {
    op: attention,
    inputs: [
      { q: head([2, 2, 3, 4], 1), k: head([2, 2, 5, 4], 2), v: head([2, 2, 5, 3], 3) },
      {
        q: head([2, 2, 3, 4], 1),
        k: head([2, 2, 5, 4], 2),
        v: head([2, 2, 5, 3], 3),
        mask: normal([3, 5], { seed: 4 }),
      },
    ],
    attrs: [{}, { is_causal: 1, scale: { type: "float", value: 0.7 } }, { softcap: { type: "float", value: 2 } }],
    since: 23,
    float32Only,
  },
  {
    op: attention,
    name: "heads in one dimension, shared keys",
    inputs: { q: head([2, 3, 8], 1), k: head([2, 5, 4], 2), v: head([2, 5, 4], 3) },
    attrs: [{ q_num_heads: 4, kv_num_heads: 2 }],
    since: 23,
    float32Only,
  },
  {
    op: attention,
    name: "earlier keys",
    inputs: {
      q: head([1, 2, 3, 4], 1),
      k: head([1, 2, 3, 4], 2),
      v: head([1, 2, 3, 4], 3),
      pastKey: head([1, 2, 2, 4], 5),
      pastValue: head([1, 2, 2, 4], 6),
    },
    attrs: [{ is_causal: 1 }],
    outputs: 3,
    since: 23,
    float32Only,
  },
];
