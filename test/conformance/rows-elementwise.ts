/** @file Conformance rows: arithmetic and functions of one or several tensors, element by element. */

import { add, div, mul, sub, sum } from "../../src/ops/arithmetic.js";
import { clip, max, mean, min, where } from "../../src/ops/choice.js";
import { mod, pow } from "../../src/ops/power.js";
import * as trig from "../../src/ops/trigonometry.js";
import * as unary from "../../src/ops/unary.js";
import { bools, float32Only, normal, type OpRow, uniform, values } from "./op-table.js";

const pairs = [
  { a: normal([2, 3]), b: normal([2, 3], { seed: 2 }) },
  { a: normal([4, 1, 3]), b: normal([2, 1], { seed: 2 }) },
  { a: normal([]), b: normal([2, 3], { seed: 2 }) },
  { a: normal([0, 3]), b: normal([3], { seed: 2 }) },
];
const several = [
  { xs: [normal([2, 3])] },
  { xs: [normal([2, 3]), normal([2, 3], { seed: 2 })] },
  { xs: [normal([2, 1]), normal([3], { seed: 2 }), normal([], { seed: 3 }), normal([2, 3], { seed: 4 })] },
];
const tied = { xs: [values([1, 2, 3, 3]), values([1, 1, 3, 4]), values([1, 2, 3, 4])] };
const fixed = (bound: number) => ({ ...values([bound], []), constant: true });
const one = { x: normal([2, 3]) };
const away = { x: uniform([2, 3], 0.3, 2) };
const unit = { x: uniform([2, 3], -0.8, 0.8) };
const steps = "flat between its steps: the gradient is 0, as in PyTorch";

export const rows: readonly OpRow[] = [
  { op: add, inputs: pairs },
  { op: sub, inputs: pairs },
  { op: mul, inputs: pairs },
  { op: div, inputs: pairs.map(({ a, b }) => ({ a, b: uniform(b.shape, 0.5, 2) })), extreme: [0, 1e30, -1e-30] },
  { op: sum, inputs: several },
  { op: mean, inputs: several, float32Only },
  { op: max, inputs: several, kinks: [tied], limits: "equal elements share the gradient" },
  { op: min, inputs: several, kinks: [tied], limits: "equal elements share the gradient" },
  {
    op: where,
    inputs: [
      { condition: bools([1, 0, 1, 1, 0, 0], [2, 3]), a: normal([2, 3]), b: normal([2, 3], { seed: 2 }) },
      { condition: bools([1, 0], [2, 1]), a: normal([3]), b: normal([2, 1], { seed: 2 }) },
    ],
  },
  {
    op: clip,
    inputs: [
      { x: normal([3, 4]), min: values([-0.5], []), max: values([0.7], []) },
      { x: normal([3, 4]), min: values([-0.5], []) },
      { x: normal([3, 4]), max: values([0.7], []) },
      { x: normal([3, 4]) },
      { x: normal([3, 4]), min: values([0.7], []), max: values([0.2], []) },
    ],
    kinks: [
      { x: values([-1, -0.5, 0, 0.75, 1]), min: values([-0.5], []), max: values([0.75], []) },
      { x: values([-1, -0.5, 0, 0.75, 1]), min: fixed(-0.5), max: fixed(0.75) },
    ],
    limits: "at a bound itself x gets 0, or half where the bound is no constant",
    extreme: [-1e30, 1e30],
  },
  {
    op: pow,
    inputs: [
      { a: uniform([2, 3], 0.3, 2), b: normal([2, 3], { seed: 2 }) },
      { a: uniform([2, 1, 3], 0.3, 2), b: normal([2, 1], { seed: 2 }) },
      ...[-1, 0, 0.5, 1, 2, 3, 4].map((n) => ({
        a: uniform([3], 0.3, 2),
        b: { ...values([n], []), constant: true },
      })),
    ],
    kinks: [
      { a: values([0, 0, 0, -1.5, -2]), b: values([0, 1, 2, 2, 3]) },
      { a: values([0, -1, 2]), b: values([0], []) },
    ],
    limits: "of a negative base the exponent has no gradient (NaN), as in PyTorch",
  },
  {
    op: mod,
    inputs: [
      { a: values([5.3, -4.4, 7.1, -0.3]), b: values([2, 3, -1.5, 1.1]) },
      { a: values([5.3, -4.4, 7.1, -0.3], [2, 2]), b: values([2.3], []) },
    ],
    attrs: [{ fmod: 1 }],
  },
  { op: unary.abs, inputs: one, kinks: [{ x: values([-1, 0, 1]) }], extreme: [-1e38, 0, 1e38] },
  { op: unary.neg, inputs: one },
  { op: unary.exp, inputs: one, extreme: [-1000, 80] },
  { op: unary.log, inputs: away, extreme: [1e-38, 1e38] },
  { op: unary.sqrt, inputs: away, extreme: [1e-38, 1e38] },
  { op: unary.reciprocal, inputs: away, extreme: [1e-15, 1e38] },
  { op: unary.identity, inputs: one },
  { op: unary.sign, inputs: one, limits: steps },
  { op: unary.floor, inputs: one, limits: steps },
  { op: unary.ceil, inputs: one, limits: steps },
  { op: unary.round, inputs: one, limits: steps },
  { op: trig.sin, inputs: one, extreme: [-1e6, 1e6] },
  { op: trig.cos, inputs: one, extreme: [-1e6, 1e6] },
  { op: trig.tan, inputs: unit, float32Only },
  { op: trig.asin, inputs: unit, kinks: [{ x: values([-1, 0, 1]) }], float32Only },
  { op: trig.acos, inputs: unit, kinks: [{ x: values([-1, 0, 1]) }], float32Only },
  { op: trig.atan, inputs: one, extreme: [-1e30, 1e30], float32Only },
  { op: trig.sinh, inputs: one, extreme: [-80, 80], float32Only },
  { op: trig.cosh, inputs: one, extreme: [-80, 80], float32Only },
  { op: trig.tanh, inputs: one, extreme: [-1e30, 1e30] },
  { op: trig.asinh, inputs: one, extreme: [-1e15, 1e15], float32Only },
  { op: trig.acosh, inputs: { x: uniform([2, 3], 1.2, 3) }, extreme: [1, 1e15], float32Only },
  { op: trig.atanh, inputs: unit, extreme: [-1, 0, 1], float32Only },
  { op: trig.erf, inputs: one, extreme: [-1e30, 1e30], float32Only },
];
