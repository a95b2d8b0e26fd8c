/** @file Conformance rows: products of matrices. */

import { gemm, matmul } from "../../src/ops/matmul.js";
import { normal, type OpRow } from "./op-table.js";

export const rows: readonly OpRow[] = [
  {
    op: matmul,
    inputs: [
      { a: normal([2, 3]), b: normal([3, 4], { seed: 2 }) },
      { a: normal([2, 5, 2, 3]), b: normal([3, 4], { seed: 2 }) },
      { a: normal([2, 1, 2, 3]), b: normal([5, 3, 2], { seed: 2 }) },
      { a: normal([3]), b: normal([2, 3, 4], { seed: 2 }) },
      { a: normal([2, 4, 3]), b: normal([3], { seed: 2 }) },
      { a: normal([3]), b: normal([3], { seed: 2 }) },
      { a: normal([0, 3]), b: normal([3, 2], { seed: 2 }) },
      { a: normal([0, 2, 3]), b: normal([3, 2], { seed: 2 }) },
      { a: normal([1, 1]), b: normal([1, 1], { seed: 2 }) },
    ],
  },
  {
    op: gemm,
    inputs: [
      { a: normal([3, 3]), b: normal([3, 3], { seed: 2 }), c: normal([3], { seed: 3 }) },
      { a: normal([3, 3]), b: normal([3, 3], { seed: 2 }) },
      { a: normal([3, 3]), b: normal([3, 3], { seed: 2 }), c: normal([3, 1], { seed: 3 }) },
    ],
    attrs: [
      {},
      { transA: 1 },
      { transB: 1 },
      { transA: 1, transB: 1, alpha: { type: "float", value: 0.5 }, beta: { type: "float", value: 2 } },
    ],
  },
];
