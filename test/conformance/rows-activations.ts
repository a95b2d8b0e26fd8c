/** @file Conformance rows: activation functions, with their kinks. */

import * as acts from "../../src/ops/activations.js";
import { float } from "../../src/ops/op.js";
import { hardmax } from "../../src/ops/search.js";
import { gelu, hardSwish, mish, swish } from "../../src/ops/smooth-activations.js";
import { logSoftmax, softmax } from "../../src/ops/softmax.js";
import { float32Only, normal, type OpRow, values } from "./op-table.js";

const inputs = [{ x: normal([3, 4]) }, { x: normal([0, 4]) }];
const zero = [{ x: values([-1, 0, 1]) }];
const extreme = [-1e30, 1e30];

export const rows: readonly OpRow[] = [
  { op: acts.relu, inputs, kinks: zero, extreme },
  { op: acts.sigmoid, inputs, extreme },
  { op: acts.softplus, inputs, extreme },
  { op: acts.softsign, inputs, kinks: zero, extreme: [-1e15, 1e15] },
  { op: acts.leakyRelu, inputs, attrs: [{}, { alpha: float(0.3) }], kinks: zero, extreme },
  {
    op: acts.prelu,
    inputs: [
      { x: normal([2, 3, 4]), slope: normal([3, 1], { seed: 2 }) },
      { x: normal([2, 3]), slope: normal([2, 3], { seed: 2 }) },
      { x: normal([0, 3]), slope: normal([3], { seed: 2 }) },
    ],
    kinks: [{ x: values([-1, 0, 1]), slope: values([0.2]) }],
    extreme,
  },
  { op: acts.elu, inputs, attrs: [{}, { alpha: float(0.5) }], kinks: zero, extreme },
  {
    op: acts.celu,
    inputs,
    attrs: [{}, { alpha: float(2) }],
    kinks: zero,
    extreme,
    float32Only,
    notHalf: "only float32 in ONNX",
  },
  { op: acts.selu, inputs, attrs: [{}, { alpha: float(1.5), gamma: float(2) }], kinks: zero, extreme },
  {
    op: acts.thresholdedRelu,
    inputs,
    attrs: [{}, { alpha: float(0.25) }],
    kinks: [{ x: values([0.9, 1, 1.1, 0.25]) }],
    extreme,
  },
  {
    op: acts.shrink,
    inputs,
    float32Only: "the kernel computes in float32",
    attrs: [{}, { lambd: float(0.75), bias: float(0.75) }],
    kinks: [{ x: values([-0.75, -0.5, 0, 0.5, 0.75]) }],
    extreme,
  },
  {
    op: acts.hardSigmoid,
    inputs: [{ x: normal([3, 4], { scale: 3 }) }],
    attrs: [{}, { alpha: float(0.5), beta: float(0.5) }],
    kinks: [{ x: values([-2.5, -1, 0, 1, 2.5]) }],
    extreme,
  },
  {
    op: hardSwish,
    inputs: [{ x: normal([3, 4], { scale: 3 }) }],
    kinks: [{ x: values([-3, 0, 3]) }],
    extreme,
  },
  { op: mish, inputs, extreme: [-1e30, 1e15] },
  { op: swish, inputs, attrs: [{}, { alpha: float(1.7) }], extreme, since: 24, until: 24 },
  { op: gelu, inputs, attrs: [{}, { approximate: "tanh" }], extreme: [-1e6, 1e6], since: 20, float32Only },
  {
    op: softmax,
    inputs: [{ x: normal([4, 5]) }, { x: normal([0, 5]) }],
    attrs: [{}, { axis: 0 }],
    extreme: [-400, 400],
  },
  {
    op: logSoftmax,
    inputs: [{ x: normal([4, 5]) }, { x: normal([0, 5]) }],
    attrs: [{}, { axis: 0 }],
    extreme: [-400, 400],
  },
  { op: hardmax, inputs: { x: normal([3, 4]) }, limits: "flat between its steps" },
];
