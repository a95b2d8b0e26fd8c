/** @file Conformance rows: reading and writing elements by index. */

import * as lookup from "../../src/ops/lookup.js";
import { indices, normal, type OpRow, uniform, values } from "./op-table.js";

const places = indices([0, 2, 1, 0], [2, 2]);
const elements = { x: normal([3, 3]), indices: places, updates: normal([2, 2], { seed: 2 }) };
const rows2 = indices([2, 0], [2, 1]);
const nd = { x: normal([3, 4]), indices: rows2, updates: normal([2, 4], { seed: 2 }) };
const twice = indices([1, -2, 0, 1], [2, 2]);
const reductions = [{ reduction: "add" }, { reduction: "mul" }, { reduction: "max" }, { reduction: "min" }];
const kinks = [
  { x: values([0, 2, 3]), indices: indices([0, 1, 1, 2]), updates: values([4, 2, 2, 0]) },
  { x: values([1, 0, 0]), indices: indices([0, 1, 1, 2]), updates: values([0, 2, 3, 0]) },
];
const limits = "with reduction none, of several writes to one place the last one counts forward, all of them backward";

export const rows: readonly OpRow[] = [
  {
    op: lookup.gatherElements,
    inputs: [
      { x: normal([3, 3]), indices: places },
      { x: normal([3, 3]), indices: twice },
      { x: normal([3, 0]), indices: indices([], [2, 0]) },
    ],
    attrs: [{}, { axis: 1 }],
  },
  {
    op: lookup.gatherND,
    inputs: [
      { x: normal([3, 4]), indices: rows2 },
      { x: normal([3, 4]), indices: indices([0, 1, 2, -1], [2, 2]) },
      { x: normal([3, 4]), indices: indices([1, 1], [1, 2, 1]) },
    ],
  },
  {
    op: lookup.gatherND,
    name: "in batches",
    inputs: { x: normal([2, 3, 2]), indices: indices([1, 2], [2, 1]) },
    attrs: [{ batch_dims: 1 }],
  },
  { op: lookup.scatterElements, inputs: elements, attrs: [{}, { axis: 1 }], limits },
  {
    op: lookup.scatterElements,
    name: "with a reduction",
    inputs: [
      { ...elements, indices: twice },
      { x: uniform([3, 3], 0.5, 2), indices: indices([1, 1, 1, 2], [2, 2]), updates: uniform([2, 2], 0.5, 2) },
    ],
    attrs: reductions,
    notHalf: "the runtime has no float16 kernel",
    kinks,
    limits,
  },
  { op: lookup.scatterND, inputs: nd, limits },
  {
    op: lookup.scatterND,
    name: "with a reduction",
    inputs: [nd, { ...nd, indices: indices([1, 1], [2, 1]) }],
    attrs: reductions,
    notHalf: "the runtime has no float16 kernel",
    kinks: kinks.map((set) => ({ ...set, indices: { ...set.indices, shape: [4, 1] } })),
    limits,
  },
];
