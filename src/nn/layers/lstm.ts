/** @file LSTM: long short-term memory. */

import { lstmCell } from "../../ops/recurrent-cells.js";
import { boolean } from "../../util/params.js";
import { activations } from "../activations.js";
import { initializers } from "../initializers.js";
import { defineLayer } from "../layer.js";
import { lstmSteps } from "./lstm-steps.js";
import { applied, isNamed, overTime, recurrentParams } from "./recurrent.js";
import { regularizerOf } from "./weights.js";

/**
 * Long short-term memory (Hochreiter and Schmidhuber, 1997): [batch, time, features] to [batch, units], or
 * [batch, time, units] with `returnSequences`. `kernel` [features, 4 * units], `recurrentKernel` [units, 4 * units] and
 * `bias` [4 * units] hold the gates as ONNX does: input, output, forget, candidate. Applied to [x, h, c] it begins with
 * those states; with `returnState` its results are y, h, c.
 *
 * @example nn.sequential([nn.lstm(64, { returnSequences: true }), nn.lstm(64), nn.dense(10)])
 */
export const lstm = defineLayer({
  type: "LSTM",
  positional: ["units"],
  params: {
    ...recurrentParams,
    recurrentActivation: activations.param("function of the gates", { default: "sigmoid" }),
    unitForgetBias: boolean("whether the forget gate's bias begins with 1", { default: true }),
  },
  build(context, inputs, params) {
    const { units, recurrentActivation, activation } = params;
    const initializer = initializers.of(params.biasInitializer, "LSTM");
    const bias = params.useBias
      ? context.weight("bias", [4 * units], {
          initializer: params.unitForgetBias
            ? {
                ...initializer,
                fill(values, ...rest) {
                  initializer.fill(values, ...rest);
                  values.fill(1, 2 * units, 3 * units);
                },
              }
            : initializer,
          regularizer: regularizerOf(params.biasRegularizer, "LSTM"),
        })
      : undefined;
    const isUsual = isNamed(recurrentActivation, "sigmoid") && isNamed(activation, "tanh");
    return overTime(context, inputs, params, {
      type: "LSTM",
      gates: 4,
      states: 2,
      bias,
      cell(drop) {
        const [gate, candidate] = [applied(recurrentActivation, "LSTM"), applied(activation, "LSTM")];
        return lstmCell({ activations: [gate, candidate, candidate], clip: undefined, coupled: false, drop });
      },
      steps: isUsual ? lstmSteps : undefined,
      operator: isUsual ? { opType: "LSTM" } : undefined,
    });
  },
});
