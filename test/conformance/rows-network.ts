/** @file Conformance rows: convolution and pooling. */

import { conv, convTranspose } from "../../src/ops/conv.js";
import { averagePool, globalAveragePool, globalMaxPool, maxPool } from "../../src/ops/pool.js";
import { distinct, normal, type OpRow, values } from "./op-table.js";

const float32Only = "the runtime's kernels of convolution and average pooling take float32 alone";
const w = (shape: readonly number[]) => ({ ...normal(shape, { seed: 2 }), fixed: true });

export const rows: readonly OpRow[] = [
  {
    op: conv,
    inputs: [
      { x: normal([2, 4, 5, 6]), w: w([3, 4, 3, 2]), bias: normal([3], { seed: 3 }) },
      { x: normal([1, 6, 5, 6]), w: w([2, 6, 3, 2]) },
    ],
    attrs: [
      {},
      { strides: [2, 2], pads: [1, 0, 2, 1] },
      { dilations: [2, 1], pads: [1, 1, 1, 1] },
      { auto_pad: "SAME_UPPER" },
      { auto_pad: "SAME_LOWER" },
      { auto_pad: "VALID", strides: [1, 2] },
    ],
    float32Only,
  },
  {
    op: conv,
    name: "groups",
    inputs: [
      { x: normal([2, 4, 5, 5]), w: w([6, 2, 3, 3]) },
      { x: normal([2, 4, 5, 5]), w: w([4, 2, 1, 1]) },
    ],
    attrs: [{ group: 2 }, { group: 2, strides: [2, 2] }],
    float32Only,
    staticOnly: "groups need the number of channels",
  },
  {
    op: conv,
    name: "depthwise",
    inputs: { x: normal([2, 4, 5, 5]), w: w([4, 1, 3, 3]) },
    attrs: [
      { group: 4, pads: [1, 1, 1, 1] },
      { group: 4, strides: [2, 2], pads: [1, 1, 1, 1] },
    ],
    float32Only,
    staticOnly: "groups need the number of channels",
  },
  {
    op: conv,
    name: "more channels",
    inputs: [
      { x: normal([3, 6, 6, 5]), w: w([4, 6, 3, 2]) },
      { x: normal([3, 7, 9]), w: w([2, 7, 3]) },
    ],
    float32Only,
  },
  {
    op: conv,
    name: "more channels, strides",
    inputs: { x: normal([3, 6, 8, 7]), w: w([4, 6, 3, 2]) },
    // elements that no window reaches, in the padding and before it
    attrs: [
      { strides: [3, 2], pads: [1, 0, 0, 0], dilations: [1, 2] },
      { strides: [2, 3], pads: [0, 1, 1, 1] },
    ],
    float32Only,
  },
  {
    op: conv,
    name: "more channels, groups",
    inputs: { x: normal([2, 12, 5, 4]), w: w([4, 6, 2, 3]) },
    attrs: [{ group: 2, pads: [1, 1, 0, 1] }],
    float32Only,
    staticOnly: "groups need the number of channels",
  },
  {
    op: conv,
    name: "depthwise, strides",
    inputs: { x: normal([2, 3, 8, 7]), w: w([3, 1, 3, 2]) },
    attrs: [
      { group: 3, strides: [3, 2], pads: [1, 0, 0, 0], dilations: [1, 2] },
      { group: 3, strides: [2, 3], pads: [0, 1, 1, 1] },
      { group: 3, dilations: [2, 3] },
    ],
    float32Only,
    staticOnly: "groups need the number of channels",
  },
  {
    op: conv,
    name: "strides that need the size",
    inputs: { x: normal([2, 4, 5, 6]), w: w([3, 4, 3, 2]) },
    attrs: [
      { auto_pad: "SAME_UPPER", strides: [2, 2] },
      { auto_pad: "SAME_LOWER", strides: [2, 3] },
    ],
    float32Only,
    staticOnly: "auto_pad with strides needs the size",
  },
  {
    op: conv,
    name: "1 and 3 dimensions",
    inputs: [
      { x: normal([2, 3, 7]), w: w([4, 3, 3]) },
      { x: normal([2, 2, 4, 3, 4]), w: w([3, 2, 2, 2, 3]) },
      { x: normal([2, 3, 4, 4]), w: w([5, 3, 1, 1]) },
    ],
    float32Only,
  },
  {
    op: conv,
    name: "3 dimensions, more channels",
    inputs: { x: normal([2, 6, 4, 3, 4]), w: w([3, 6, 2, 2, 3]) },
    attrs: [
      { pads: [1, 0, 1, 0, 1, 1] },
      { strides: [2, 1, 2], pads: [0, 0, 1, 0, 0, 0] },
      { dilations: [1, 2, 1], group: 1 },
      { dilations: [1, 1, 2], pads: [0, 0, 1, 0, 0, 1] },
    ],
    float32Only,
  },
  {
    op: convTranspose,
    inputs: { x: normal([2, 3, 4, 3]), w: w([3, 2, 3, 2]), bias: normal([2], { seed: 3 }) },
    attrs: [{}, { strides: [2, 2], pads: [1, 0, 0, 1], output_padding: [1, 0] }, { dilations: [2, 2] }],
    float32Only,
  },
  {
    op: convTranspose,
    name: "output shape and groups",
    inputs: { x: normal([2, 4, 4, 3]), w: w([4, 2, 3, 2]) },
    attrs: [
      { strides: [2, 2], output_shape: [8, 6], group: 2 },
      { strides: [2, 2], auto_pad: "SAME_UPPER" },
      { strides: [2, 2], auto_pad: "SAME_LOWER", group: 2 },
    ],
    float32Only,
    staticOnly: "output_shape and groups need fixed sizes",
  },
  {
    op: maxPool,
    inputs: { x: distinct([2, 3, 6, 5]) },
    attrs: [
      { kernel_shape: [2, 2] },
      { kernel_shape: [2, 2], strides: [2, 2] },
      { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
      { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 0, 1], ceil_mode: 1 },
      { kernel_shape: [2, 2], dilations: [2, 2] },
      { kernel_shape: [3, 3], auto_pad: "SAME_UPPER" },
    ],
    float32Only: "indices and dilations",
  },
  {
    op: maxPool,
    name: "1 dimension",
    inputs: { x: distinct([2, 3, 7]) },
    attrs: [
      { kernel_shape: [3], strides: [2] },
      { kernel_shape: [2], strides: [2] },
    ],
  },
  {
    op: maxPool,
    name: "3 dimensions",
    inputs: { x: distinct([1, 2, 4, 5, 2]) },
    attrs: [{ kernel_shape: [2, 2, 2], strides: [2, 2, 2] }],
    float32Only: "indices",
  },
  {
    op: maxPool,
    name: "equal elements",
    inputs: { x: distinct([1, 1, 4, 5]) },
    kinks: [{ x: values([0, 0, 1, 1, 0, 0, 0, 1, 1, 2, -1, 2, 0, 0, 0, 2, 2, 0, -3, 0], [1, 1, 4, 5]) }],
    attrs: [
      { kernel_shape: [2, 2], strides: [2, 2] },
      { kernel_shape: [3, 3], strides: [2, 2] },
    ],
    float32Only: "indices",
  },
  {
    op: averagePool,
    inputs: { x: normal([2, 3, 6, 5]) },
    attrs: [
      { kernel_shape: [2, 2] },
      { kernel_shape: [2, 2], strides: [2, 2] },
      { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
      { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 1 },
      { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 0, 1], ceil_mode: 1 },
      { kernel_shape: [3, 3], auto_pad: "SAME_UPPER" },
    ],
    float32Only,
  },
  { op: globalAveragePool, inputs: [{ x: normal([2, 3, 4, 5]) }, { x: normal([2, 3, 4]) }], float32Only },
  { op: globalMaxPool, inputs: { x: distinct([2, 3, 4, 5]) }, float32Only },
];
