/** @file SimpleRNN: the state is a function of the input and the state before. */

import { rnnCell } from "../../ops/recurrent-cells.js";
import { defineLayer } from "../layer.js";
import { applied, isNamed, overTime, recurrentParams } from "./recurrent.js";
import { rnnSteps } from "./rnn-steps.js";
import { biasOf } from "./weights.js";

/**
 * h' = tanh(x kernel + h recurrentKernel + bias): [batch, time, features] to [batch, units], or [batch, time, units] with
 * `returnSequences`.
 *
 * @example nn.sequential([nn.simpleRNN(32), nn.dense(1)])
 */
export const simpleRNN = defineLayer({
  type: "SimpleRNN",
  positional: ["units"],
  params: recurrentParams,
  build(context, inputs, params) {
    const isUsual = isNamed(params.activation, "tanh");
    return overTime(context, inputs, params, {
      type: "SimpleRNN",
      gates: 1,
      states: 1,
      bias: biasOf(context, params.units, params),
      cell: (drop) => rnnCell({ activations: [applied(params.activation, "SimpleRNN")], clip: undefined, drop }),
      steps: isUsual ? rnnSteps : undefined,
      operator: isUsual ? { opType: "RNN" } : undefined,
    });
  },
});
