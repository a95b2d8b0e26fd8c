/** @file Conformance rows: normalizations. */

import { batchNormalization, groupNormalization, instanceNormalization } from "../../src/ops/channel-norm.js";
import { layerNormalization, rmsNormalization, simplifiedLayerNormalization } from "../../src/ops/layer-norm.js";
import { float } from "../../src/ops/op.js";
import { lpNormalization, lrn, meanVarianceNormalization } from "../../src/ops/other-norms.js";
import { float32Only, normal, type OpRow, uniform, values } from "./op-table.js";

const channels = (n: number, seed: number) => normal([n], { seed, shift: 1 });
const affine = (n: number) => ({ scale: channels(n, 2), bias: channels(n, 3) });
const picture = normal([2, 4, 3, 2]);
// the runtime writes new running statistics over the old ones in place, whoever holds them: a second run differs
const kept = (numbers: readonly number[]) => ({ ...values(numbers), constant: true });
const epsilon = [{}, { epsilon: float(0.1) }];

const statistics = "its statistics are float32: too coarse for differences of float64";

export const rows: readonly OpRow[] = [
  {
    op: layerNormalization,
    inputs: [
      { x: normal([2, 3, 4]), ...affine(4) },
      { x: normal([3, 4]), scale: channels(4, 2) },
      { x: normal([0, 4]), ...affine(4) },
    ],
    attrs: epsilon,
    firstOnly: statistics,
    extreme: [1e10, -1e10],
  },
  {
    op: layerNormalization,
    name: "over two axes",
    inputs: { x: normal([2, 3, 4]), scale: normal([3, 4], { seed: 2 }), bias: normal([3, 4], { seed: 3 }) },
    attrs: [{ axis: 1 }, { axis: -2 }],
    firstOnly: statistics,
  },
  {
    op: layerNormalization,
    name: "with its statistics",
    inputs: { x: normal([3, 4]), ...affine(4) },
    outputs: 3,
    float32Only: statistics,
  },
  {
    op: rmsNormalization,
    inputs: [
      { x: normal([2, 3, 4]), scale: channels(4, 2) },
      { x: normal([0, 4]), scale: channels(4, 2) },
    ],
    attrs: epsilon,
    extreme: [1e10, -1e10],
    since: 23,
  },
  { op: simplifiedLayerNormalization, inputs: { x: normal([2, 3, 4]), scale: channels(4, 2) } },
  {
    op: instanceNormalization,
    inputs: [
      { x: picture, ...affine(4) },
      { x: normal([2, 3, 5]), ...affine(3) },
    ],
    attrs: epsilon,
    float32Only,
  },
  {
    op: groupNormalization,
    inputs: [
      { x: picture, ...affine(4) },
      { x: normal([3, 4]), ...affine(4) },
    ],
    attrs: [{ num_groups: 2 }, { num_groups: 1, epsilon: float(0.1) }],
    float32Only: "it is computed in float32",
    since: 21,
  },
  {
    op: batchNormalization,
    inputs: [
      { x: picture, ...affine(4), mean: normal([4], { seed: 4 }), variance: uniform([4], 0.5, 2) },
      { x: normal([3, 2]), ...affine(2), mean: normal([2], { seed: 4 }), variance: uniform([2], 0.5, 2) },
      { x: normal([0, 2]), ...affine(2), mean: normal([2], { seed: 4 }), variance: uniform([2], 0.5, 2) },
    ],
    attrs: epsilon,
  },
  {
    op: batchNormalization,
    name: "in training",
    inputs: [
      { x: picture, ...affine(4), mean: kept([0, 0, 0, 0]), variance: kept([1, 1, 1, 1]) },
      { x: normal([3, 2]), ...affine(2), mean: kept([0, 0]), variance: kept([1, 1]) },
    ],
    attrs: [{ training_mode: 1 }],
    outputs: 3,
    lossOf: 1,
    limits: "in training the runtime writes the running statistics over the old ones in place",
  },
  {
    op: batchNormalization,
    name: "with running statistics",
    inputs: [],
    kinks: [{ x: picture, ...affine(4), mean: values([0, 1, 2, 3]), variance: values([1, 2, 3, 4]) }],
    attrs: [{ training_mode: 1 }],
    outputs: 3,
  },
  {
    op: lpNormalization,
    inputs: [{ x: normal([3, 4]) }, { x: normal([0, 4]) }],
    attrs: [{}, { axis: 0 }, { p: 1 }],
    extreme: [0],
    limits: "0 where the norm is 0",
  },
  {
    op: meanVarianceNormalization,
    inputs: { x: picture },
    attrs: [{}, { axes: [2, 3] }],
    float32Only,
    notHalf: "the runtime writes it in float32",
  },
  {
    op: lrn,
    inputs: { x: normal([2, 5, 2, 2]) },
    attrs: [
      { size: 3, alpha: float(0.5) },
      { size: 5, alpha: float(0.5), beta: float(0.5), bias: float(2) },
    ],
    float32Only,
  },
];
