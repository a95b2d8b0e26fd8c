/** @file Conformance rows: LSTM, GRU, RNN. */

import { gru, lstm, rnn } from "../../src/ops/recurrent.js";
import { float32Only, normal, type OpRow, type Sample } from "./op-table.js";

const fixed = (shape: readonly number[], seed: number): Sample => ({
  ...normal(shape, { seed, scale: 0.5 }),
  fixed: true,
});
const lengths: Sample = { shape: [2], dtype: "int32", values: [3, 2] };

/** time 3, batch 2, 3 inputs, 2 hidden. */
function inputs(gates: number, directions = 1) {
  return {
    x: normal([3, 2, 3]),
    w: fixed([directions, 2 * gates, 3], 2),
    r: fixed([directions, 2 * gates, 2], 3),
    bias: fixed([directions, 4 * gates], 4),
    h0: normal([directions, 2, 2], { seed: 5 }),
  };
}

const both = { hidden_size: 2, direction: "bidirectional" };
const c0 = (directions: number) => normal([directions, 2, 2], { seed: 6 });

export const rows: readonly OpRow[] = [
  {
    op: lstm,
    inputs: [
      { ...inputs(4), c0: c0(1), p: fixed([1, 6], 7) },
      { x: normal([3, 2, 3]), w: fixed([1, 8, 3], 2), r: fixed([1, 8, 2], 3) },
      { ...inputs(4), c0: c0(1) },
      { ...inputs(4), c0: c0(1), lengths },
    ],
    attrs: [{ hidden_size: 2 }, { hidden_size: 2, direction: "reverse" }],
    outputs: 3,
    float32Only,
  },
  {
    op: lstm,
    name: "both directions",
    inputs: { ...inputs(4, 2), c0: c0(2), lengths },
    attrs: [both, { ...both, clip: { type: "float", value: 0.3 } }],
    outputs: 3,
    float32Only,
  },
  {
    op: gru,
    inputs: [inputs(3), { ...inputs(3), lengths }],
    attrs: [{ hidden_size: 2 }, { hidden_size: 2, linear_before_reset: 1 }],
    outputs: 2,
    float32Only,
  },
  { op: gru, name: "both directions", inputs: inputs(3, 2), attrs: [both], outputs: 2, float32Only },
  {
    op: rnn,
    inputs: [inputs(1), { ...inputs(1), lengths }],
    attrs: [{ hidden_size: 2 }, { hidden_size: 2, activations: ["Relu"] }],
    outputs: 2,
    float32Only,
  },
  { op: rnn, name: "both directions", inputs: inputs(1, 2), attrs: [both], outputs: 2, float32Only },
];
