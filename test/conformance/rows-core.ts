/** @file Conformance rows: arithmetic, matrix products, softmax. */

import { add, div, mul, sub } from "../../src/ops/arithmetic.js";
import { gemm, matmul } from "../../src/ops/matmul.js";
import { logSoftmax, softmax } from "../../src/ops/softmax.js";
import { normal, type OpRow, uniform } from "./op-table.js";

const pairs = [
  { a: normal([2, 3]), b: normal([2, 3], { seed: 2 }) },
  { a: normal([4, 1, 3]), b: normal([2, 1], { seed: 2 }) },
  { a: normal([]), b: normal([2, 3], { seed: 2 }) },
];

export const rows: readonly OpRow[] = [
  { op: add, inputs: pairs },
  { op: sub, inputs: pairs },
  { op: mul, inputs: pairs },
  { op: div, inputs: pairs.map(({ a, b }) => ({ a, b: uniform(b.shape, 0.5, 2) })) },
  {
    op: matmul,
    inputs: [
      { a: normal([2, 3]), b: normal([3, 4], { seed: 2 }) },
      { a: normal([2, 5, 2, 3]), b: normal([3, 4], { seed: 2 }) },
      { a: normal([2, 1, 2, 3]), b: normal([5, 3, 2], { seed: 2 }) },
      { a: normal([3]), b: normal([2, 3, 4], { seed: 2 }) },
      { a: normal([2, 4, 3]), b: normal([3], { seed: 2 }) },
      { a: normal([3]), b: normal([3], { seed: 2 }) },
    ],
  },
  {
    op: gemm,
    inputs: [
      { a: normal([3, 3]), b: normal([3, 3], { seed: 2 }), c: normal([3], { seed: 3 }) },
      { a: normal([3, 3]), b: normal([3, 3], { seed: 2 }) },
    ],
    attrs: [
      {},
      { transA: 1 },
      { transB: 1 },
      { transA: 1, transB: 1, alpha: { type: "float", value: 0.5 }, beta: { type: "float", value: 2 } },
    ],
  },
  { op: softmax, inputs: { x: normal([4, 5]) }, attrs: [{}, { axis: 0 }], extreme: [-400, 400] },
  { op: logSoftmax, inputs: { x: normal([4, 5]) }, attrs: [{}, { axis: 0 }], extreme: [-400, 400] },
];
