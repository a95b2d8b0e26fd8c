/** @file Conformance rows: shapes, parts, and elements that move. */

import * as parts from "../../src/ops/parts.js";
import * as rearrange from "../../src/ops/rearrange.js";
import * as shape from "../../src/ops/shape.js";
import { bools, constants, indices, normal, type OpRow, values } from "./op-table.js";

const x = normal([2, 3, 4]);
const sizes = "sizes";

export const rows: readonly OpRow[] = [
  { op: shape.shape, inputs: { x }, attrs: [{}, { start: 1 }, { start: 0, end: -1 }], limits: sizes },
  { op: shape.size, inputs: { x }, limits: sizes },
  {
    op: shape.reshape,
    inputs: [
      { x, shape: constants([4, -1]) },
      { x, shape: constants([0, 12]) },
      { x, shape: indices([6, 4]) },
      { x: normal([0, 3]), shape: constants([0, 3, 1]) },
    ],
  },
  { op: shape.flatten, inputs: [{ x }, { x: normal([0, 3, 2]) }], attrs: [{}, { axis: 0 }, { axis: -1 }] },
  {
    op: shape.squeeze,
    inputs: [
      { x: normal([1, 3, 1]) },
      { x: normal([1, 3, 1]), axes: constants([0]) },
      { x: normal([0, 1]), axes: constants([-1]) },
    ],
  },
  {
    op: shape.unsqueeze,
    inputs: [
      { x, axes: constants([0, -1]) },
      { x: normal([0, 3]), axes: constants([1]) },
    ],
  },
  { op: shape.transpose, inputs: [{ x }, { x: normal([0, 2, 3]) }], attrs: [{}, { perm: [1, 2, 0] }] },
  {
    op: shape.expand,
    inputs: [
      { x: normal([3, 1]), shape: constants([2, 3, 4]) },
      { x: normal([3]), shape: constants([1]) },
      { x: normal([]), shape: indices([2, 2]) },
    ],
  },
  {
    op: shape.cast,
    inputs: [{ x: normal([2, 3]) }, { x: indices([1, 2]) }],
    attrs: [{ to: 1 }, { to: 11 }, { to: 7 }],
    limits: "between floats",
  },
  { op: shape.constantOfShape, inputs: { shape: constants([2, 3]) }, limits: sizes },
  {
    op: shape.range,
    inputs: { start: constants([2], []), limit: constants([9], []), delta: constants([3], []) },
    limits: sizes,
  },
  { op: shape.constant, inputs: {}, attrs: [{ value_ints: [1, 2] }, { value_int: 3 }], limits: "has no inputs" },
  {
    op: parts.concat,
    inputs: [
      { xs: [normal([2, 3]), normal([2, 3], { seed: 2 })] },
      { xs: [normal([0, 3]), normal([0, 3], { seed: 2 }), normal([0, 3], { seed: 3 })] },
      { xs: [normal([2, 1]), normal([2, 1], { seed: 2 })] },
    ],
    attrs: [{ axis: 0 }, { axis: -1 }],
  },
  {
    op: parts.split,
    inputs: [
      { x: normal([4, 4]), split: constants([1, 3]) },
      { x: normal([4, 4]), split: indices([3, 1]) },
    ],
    attrs: [{}, { axis: 1 }],
    outputs: 2,
  },
  {
    op: parts.split,
    name: "in equal parts",
    inputs: { x: normal([5, 3]) },
    attrs: [{ num_outputs: 2 }],
    outputs: 2,
  },
  {
    op: parts.slice,
    inputs: [
      { x, starts: constants([1]), ends: constants([3]) },
      { x, starts: constants([0, -3]), ends: constants([1, -1]), axes: constants([1, 2]) },
      { x, starts: constants([-1]), ends: constants([-9]), axes: constants([2]), steps: constants([-2]) },
      { x, starts: indices([1]), ends: indices([2]), axes: indices([1]), steps: indices([1]) },
      { x: normal([0, 4]), starts: constants([1]), ends: constants([3]), axes: constants([1]) },
    ],
  },
  {
    op: parts.gather,
    inputs: [
      { x: normal([4, 3]), indices: indices([0, 2, 2, -1], [2, 2]) },
      { x: normal([4, 3]), indices: indices([1], []) },
      { x: normal([4, 3]), indices: indices([], [0]) },
    ],
  },
  {
    op: parts.gather,
    name: "along an axis",
    inputs: [{ x, indices: indices([0, 2, 2, -1], [2, 2]) }],
    attrs: [{ axis: 1 }, { axis: -1 }],
  },
  {
    op: rearrange.pad,
    inputs: [
      { x: normal([2, 3]), pads: constants([1, 0, 0, 2]), value: values([0.5], []) },
      { x: normal([2, 3]), pads: constants([-1, 1, 1, -1]), value: values([0.5], []) },
      { x: normal([2, 3]), pads: constants([1, 2]), value: values([0], []), axes: constants([-1]) },
      { x: normal([2, 3]), pads: indices([1, 0, 0, 2]) },
      { x: normal([0, 3]), pads: constants([0, 1, 0, 1]) },
    ],
  },
  {
    op: rearrange.pad,
    name: "by repeating",
    inputs: [
      { x: normal([3, 4]), pads: constants([1, 2, 2, 1]) },
      { x: normal([3, 4]), pads: constants([2, 1]), axes: constants([1]) },
    ],
    attrs: [{ mode: "reflect" }, { mode: "edge" }, { mode: "wrap" }],
    since: 19,
  },
  {
    op: rearrange.tile,
    inputs: [
      { x: normal([2, 3]), repeats: constants([2, 3]) },
      { x: normal([1, 3]), repeats: indices([1, 2]) },
      { x: normal([0, 3]), repeats: constants([2, 2]) },
    ],
  },
  {
    op: rearrange.depthToSpace,
    inputs: { x: normal([2, 8, 2, 3]) },
    attrs: [{ blocksize: 2 }, { blocksize: 2, mode: "CRD" }],
  },
  { op: rearrange.spaceToDepth, inputs: { x: normal([2, 2, 4, 6]) }, attrs: [{ blocksize: 2 }] },
  {
    op: rearrange.reverseSequence,
    inputs: { x: normal([4, 3, 2]), lengths: indices([4, 1, 2]) },
    attrs: [{}],
  },
  {
    op: rearrange.trilu,
    inputs: [
      { x: normal([2, 3, 4]) },
      { x: normal([3, 3]), k: constants([1], []) },
      { x: normal([3, 3]), k: indices([-1], []) },
    ],
    attrs: [{}, { upper: 0 }],
  },
  {
    op: rearrange.compress,
    inputs: { x: normal([3, 2]), condition: bools([1, 0, 1]) },
    attrs: [{}, { axis: 0 }],
    openShape: "how many there are depends on the values",
  },
];
