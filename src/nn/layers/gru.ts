/** @file GRU: gated recurrent units. */

import { gruCell } from "../../ops/recurrent-cells.js";
import { boolean } from "../../util/params.js";
import { activations } from "../activations.js";
import { defineLayer } from "../layer.js";
import { gruSteps } from "./gru-steps.js";
import { applied, isNamed, overTime, recurrentParams } from "./recurrent.js";
import { regularizerOf } from "./weights.js";

/**
 * Gated recurrent units (Cho et al., 2014): [batch, time, features] to [batch, units], or [batch, time, units] with
 * `returnSequences`. `kernel` [features, 3 * units], `recurrentKernel` [units, 3 * units] and `bias` hold the gates as Keras
 * and ONNX do: update, reset, candidate. With `resetAfter` there is a second bias, of the recurrent product.
 *
 * @example nn.sequential([nn.gru(64), nn.dense(1)])
 */
export const gru = defineLayer({
  type: "GRU",
  positional: ["units"],
  params: {
    ...recurrentParams,
    recurrentActivation: activations.param("function of the gates", { default: "sigmoid" }),
    resetAfter: boolean("whether the reset gate works on the recurrent product rather than on the state", {
      default: true,
    }),
  },
  build(context, inputs, params) {
    const { units, recurrentActivation, activation, resetAfter } = params;
    const biasNamed = (name: string) =>
      context.weight(name, [3 * units], {
        initializer: params.biasInitializer,
        regularizer: regularizerOf(params.biasRegularizer, "GRU"),
      });
    const bias = params.useBias ? biasNamed("bias") : undefined;
    const recurrentBias = params.useBias && resetAfter ? biasNamed("recurrentBias") : undefined;
    const isUsual = isNamed(recurrentActivation, "sigmoid") && isNamed(activation, "tanh");
    return overTime(context, inputs, params, {
      type: "GRU",
      gates: 3,
      states: 1,
      bias,
      recurrentBias,
      cell: (drop) =>
        gruCell({
          activations: [applied(recurrentActivation, "GRU"), applied(activation, "GRU")],
          clip: undefined,
          resetAfter,
          drop,
        }),
      steps: isUsual ? gruSteps(resetAfter, recurrentBias) : undefined,
      operator: isUsual ? { opType: "GRU", attrs: { linear_before_reset: Number(resetAfter) } } : undefined,
    });
  },
});
