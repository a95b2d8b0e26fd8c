/** @file Conformance rows: reductions, and running along an axis. */

import * as reduce from "../../src/ops/reduce.js";
import { cumSum, topK } from "../../src/ops/search.js";
import { constants, indices, normal, type OpRow, uniform, values } from "./op-table.js";

const x = normal([2, 3, 4]);
const axes = [
  { x },
  { x, axes: constants([1]) },
  { x, axes: constants([-1, 0]) },
  { x, axes: indices([0, 2]) },
  { x: normal([]) },
  { x: normal([3, 1]), axes: constants([1]) },
];
const empty = { x: normal([0, 3]), axes: constants([1]) };
const attrs = [{}, { keepdims: 0 }];
const positive = axes.map((set) => ({ ...set, x: uniform(set.x.shape, 0.3, 2) }));
const shared = "equal elements share the gradient, as with PyTorch's amax and amin";
const ties = [{ x: values([1, 3, 3, 2, 1, 1], [2, 3]), axes: constants([1]) }, { x: values([2, 2, 2]) }];

export const rows: readonly OpRow[] = [
  { op: reduce.reduceSum, inputs: [...axes, empty], attrs: [...attrs, { noop_with_empty_axes: 1 }] },
  { op: reduce.reduceMean, inputs: [...axes, empty], attrs },
  { op: reduce.reduceMax, inputs: [...axes, empty], attrs, kinks: ties, limits: shared },
  { op: reduce.reduceMin, inputs: [...axes, empty], attrs, kinks: ties, limits: shared },
  {
    op: reduce.reduceProd,
    inputs: [...axes, empty],
    attrs,
    kinks: [{ x: values([0, 2, 3, 0, 4, 0, 5, 6, 7], [3, 3]), axes: constants([1]) }],
    limits: "second derivatives are wrong where an element is zero",
  },
  { op: reduce.reduceL1, inputs: [...axes, empty], attrs, kinks: [{ x: values([-1, 0, 2]) }] },
  {
    op: reduce.reduceL2,
    inputs: [...axes, empty],
    attrs,
    kinks: [{ x: values([0, 0, 1, 2], [2, 2]), axes: constants([1]) }],
  },
  { op: reduce.reduceSumSquare, inputs: [...axes, empty], attrs, extreme: [1e15, -1e15] },
  { op: reduce.reduceLogSum, inputs: [...positive, empty], attrs },
  { op: reduce.reduceLogSumExp, inputs: [...axes, empty], attrs, extreme: [-500, 500] },
  {
    op: cumSum,
    inputs: [
      { x, axis: constants([1], []) },
      { x, axis: constants([-1], []) },
      { x: normal([0, 3]), axis: constants([1], []) },
    ],
    attrs: [{}, { exclusive: 1 }, { reverse: 1 }, { exclusive: 1, reverse: 1 }],
  },
  {
    op: topK,
    inputs: [
      { x: normal([3, 5]), k: constants([2]) },
      { x: normal([3, 5]), k: indices([3]) },
    ],
    attrs: [{}, { axis: 0 }, { largest: 0 }],
    outputs: 2,
    limits: "in the values; of equal elements the first ones count",
  },
];
