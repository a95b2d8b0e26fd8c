/** @file Conformance rows: losses, dropout, quantization, resizing. */

import { dropout } from "../../src/ops/dropout.js";
import { negativeLogLikelihoodLoss, softmaxCrossEntropyLoss } from "../../src/ops/losses.js";
import { float } from "../../src/ops/op.js";
import { dequantizeLinear, quantizeLinear } from "../../src/ops/quantize.js";
import { resize } from "../../src/ops/resize.js";
import { bools, constants, float32Only, indices, normal, type OpRow, uniform, values } from "./op-table.js";

const weights = { ...uniform([4], 0.5, 2), constant: true };
const scores = normal([3, 4]);
const labels = indices([1, 3, 0]);
const plane = { scores: normal([2, 4, 3]), labels: indices([0, 1, 2, 3, 0, 1], [2, 3]) };
const reductions = [{}, { reduction: "sum" }, { reduction: "none" }];
const ignoring = [
  { ignore_index: -100 },
  { ignore_index: -100, reduction: "sum" },
  { ignore_index: -100, reduction: "none" },
];
const ignored = { scores, labels: indices([1, -100, 0]) };
const labelSets = [
  { scores, labels },
  { scores, labels, weights },
  { ...plane, weights },
];
const ignoredSets = [ignored, { ...ignored, weights }];
const notWeights = "not in the class weights, as in PyTorch";

const factors = (...scales: number[]) => ({ ...values(scales), constant: true, always: "float32" as const });
const picture = { x: normal([1, 2, 3, 4]) };
const straight = "rounding passes the gradient straight through inside the range";

export const rows: readonly OpRow[] = [
  {
    op: softmaxCrossEntropyLoss,
    inputs: labelSets,
    attrs: reductions,
    extreme: [-400, 400],
    limits: notWeights,
  },
  {
    op: softmaxCrossEntropyLoss,
    name: "with a label to ignore",
    inputs: ignoredSets,
    attrs: ignoring,
    limits: notWeights,
  },
  {
    op: softmaxCrossEntropyLoss,
    name: "with its probabilities",
    inputs: labelSets,
    attrs: reductions,
    outputs: 2,
    limits: notWeights,
  },
  { op: negativeLogLikelihoodLoss, inputs: labelSets, attrs: reductions, limits: notWeights },
  {
    op: negativeLogLikelihoodLoss,
    name: "with a label to ignore",
    inputs: ignoredSets,
    attrs: ignoring,
    limits: notWeights,
  },
  {
    op: dropout,
    inputs: [
      { x: normal([3, 4]) },
      { x: normal([3, 4]), ratio: constants([0.5], [], "float32"), training: constants([0], [], "bool") },
      { x: normal([3, 4]), ratio: constants([0], [], "float32"), training: bools([1], []) },
    ],
    outputs: 2,
  },
  {
    op: dropout,
    name: "without mask",
    inputs: { x: normal([3, 4]), ratio: constants([0], [], "float32"), training: bools([1], []) },
  },
  {
    op: quantizeLinear,
    inputs: [{ x: normal([2, 3]), scale: values([0.1], []), zero: constants([3], [], "int8") }],
    limits: straight,
  },
  {
    op: dequantizeLinear,
    inputs: [
      { x: indices([1, -2, 3, 100], [2, 2], "int8"), scale: values([0.1], []), zero: constants([3], [], "int8") },
      { x: indices([1, 2, 3, 100], [2, 2], "uint8"), scale: values([0.1, 0.2]) },
    ],
    attrs: [{}, { axis: 0 }],
    float32Only,
    limits: "per tensor and per axis",
    notHalf: "scales in float16 begin with version 19",
  },
  {
    op: resize,
    name: "nearest",
    inputs: [
      { ...picture, scales: factors(1, 1, 2, 2) },
      { ...picture, scales: factors(1, 1, 0.6, 1.5) },
      { ...picture, sizes: constants([1, 2, 5, 2]) },
    ],
    attrs: [
      {},
      { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
      { coordinate_transformation_mode: "align_corners", nearest_mode: "ceil" },
    ],
    float32Only,
    limits: "not with tf_crop_and_resize or a policy that keeps the aspect ratio",
  },
  {
    op: resize,
    name: "linear and cubic",
    inputs: [
      { ...picture, scales: factors(1, 1, 2, 2) },
      { ...picture, sizes: constants([1, 2, 5, 2]) },
    ],
    attrs: [
      { mode: "linear" },
      { mode: "linear", coordinate_transformation_mode: "align_corners" },
      { mode: "linear", coordinate_transformation_mode: "pytorch_half_pixel" },
      { mode: "linear", antialias: 1 },
      { mode: "linear", antialias: 1, exclude_outside: 1 },
      { mode: "cubic" },
      { mode: "cubic", coordinate_transformation_mode: "align_corners", cubic_coeff_a: float(-0.5) },
      { mode: "cubic", exclude_outside: 1 },
    ],
    float32Only,
  },
  {
    op: resize,
    name: "along some axes",
    inputs: [
      { x: normal([2, 3, 4]), sizes: constants([5]) },
      { x: normal([2, 3, 4]), scales: factors(2) },
    ],
    attrs: [{ axes: [0] }, { axes: [1] }, { axes: [-1] }],
    float32Only,
  },
];
