/** @file Conformance rows: comparisons, logic, bits, and what has no gradient by its nature. */

import * as logic from "../../src/ops/logic.js";
import * as make from "../../src/ops/make.js";
import { argMax, argMin } from "../../src/ops/search.js";
import { bools, constants, float32Only, indices, normal, type OpRow, values } from "./op-table.js";

const pair = { a: normal([2, 3]), b: normal([3], { seed: 2 }) };
const truths = { a: bools([1, 0, 1, 0]), b: bools([1, 1, 0, 0]) };
const whole = { a: indices([5, 6, 12], [3], "int32"), b: indices([3], [1], "int32") };
const truth = "truth values";
const random = "what is drawn depends smoothly on nothing";

export const rows: readonly OpRow[] = [
  ...[logic.equal, logic.greater, logic.less, logic.greaterOrEqual, logic.lessOrEqual].map((op) => ({
    op,
    inputs: pair,
    limits: truth,
  })),
  ...[logic.and, logic.or, logic.xor].map((op) => ({ op, inputs: truths, limits: truth })),
  { op: logic.not, inputs: { x: bools([1, 0]) }, limits: truth },
  { op: logic.isNotANumber, inputs: { x: values([1, Number.NaN]) }, limits: truth },
  { op: logic.isInfinite, inputs: { x: values([1, Infinity]) }, limits: truth },
  ...[logic.bitwiseAnd, logic.bitwiseOr, logic.bitwiseXor].map((op) => ({
    op,
    inputs: whole,
    limits: "whole numbers",
  })),
  { op: logic.bitwiseNot, inputs: { x: indices([5], [1], "int32") }, limits: "whole numbers" },
  {
    op: logic.bitShift,
    inputs: { a: indices([5, 6], [2], "uint32"), b: indices([1], [1], "uint32") },
    attrs: [{ direction: "LEFT" }],
    limits: "whole numbers",
  },
  {
    op: logic.nonZero,
    inputs: { x: values([0, 1, 2, 0], [2, 2]) },
    openShape: "how many there are depends on the values",
    limits: "places",
  },
  {
    op: logic.unique,
    inputs: { x: values([3, 1, 3, 2], [2, 2]) },
    attrs: [{}, { axis: 0 }, { sorted: 0 }],
    outputs: 4,
    openShape: "how many there are depends on the values",
    limits: "which elements are distinct changes in steps, as in PyTorch",
  },
  { op: argMax, inputs: { x: normal([2, 3]) }, attrs: [{}, { axis: -1, keepdims: 0 }], limits: "places" },
  { op: argMin, inputs: { x: normal([2, 3]) }, attrs: [{}, { axis: -1, keepdims: 0 }], limits: "places" },
  { op: make.eyeLike, inputs: { x: normal([3, 4]) }, attrs: [{}, { k: 1, dtype: 7 }], limits: "reads the shape only" },
  {
    op: make.oneHot,
    inputs: [{ indices: indices([0, 2, -1, 5], [2, 2]), depth: constants([3], []), values: values([-1, 2]) }],
    attrs: [{}, { axis: 0 }, { axis: 1 }],
    float32Only,
    limits: "in values; indices are whole numbers",
  },
  {
    op: make.castLike,
    inputs: [
      { x: normal([2, 3]), target: values([1], []) },
      { x: indices([1, 2]), target: values([1], []) },
      { x: normal([2, 3]), target: constants([1], []) },
    ],
    limits: "between floats",
  },
  { op: make.randomNormalLike, inputs: { x: normal([2, 3]) }, attrs: [{}, { dtype: 11 }], limits: random },
  { op: make.randomUniformLike, inputs: { x: normal([2, 3]) }, attrs: [{}, { dtype: 11 }], limits: random },
  { op: make.randomNormal, inputs: {}, attrs: [{ shape: [2, 3] }], limits: random },
  { op: make.randomUniform, inputs: {}, attrs: [{ shape: [2, 3] }], limits: random },
  { op: make.bernoulli, inputs: { x: values([0.3, 0.6]) }, attrs: [{}, { dtype: 9 }], limits: random },
  {
    op: make.multinomial,
    inputs: { x: values([0.3, 0.6, 0.1, 0.4], [2, 2]) },
    attrs: [{}, { sample_size: 3, dtype: 7 }],
    limits: random,
  },
];
