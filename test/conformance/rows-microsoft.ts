/** @file Conformance rows: operators of ONNX Runtime's own domain. */

import { biasGelu, fastGelu, fusedMatMul, microsoftGelu, quickGelu } from "../../src/ops/microsoft.js";
import { float } from "../../src/ops/op.js";
import { float32Only, normal, type OpRow } from "./op-table.js";

const x = normal([3, 4]);
const bias = normal([4], { seed: 2 });

export const rows: readonly OpRow[] = [
  { op: microsoftGelu, inputs: { x }, extreme: [-1e6, 1e6], float32Only },
  { op: biasGelu, inputs: { x, bias }, float32Only },
  { op: fastGelu, inputs: [{ x }, { x, bias }], float32Only },
  { op: quickGelu, inputs: { x }, attrs: [{}, { alpha: float(1) }], float32Only },
  {
    op: fusedMatMul,
    inputs: [
      { a: normal([3, 3]), b: normal([3, 3], { seed: 2 }) },
      { a: normal([2, 1, 3, 3]), b: normal([4, 3, 3], { seed: 2 }) },
    ],
    attrs: [{}, { transA: 1 }, { transB: 1 }, { transA: 1, transB: 1, alpha: float(0.5) }],
    float32Only,
    limits: "not with transBatchA or transBatchB",
  },
];
