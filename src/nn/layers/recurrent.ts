/** @file What SimpleRNN, LSTM and GRU share: parameters, weights, masks; going over time by ONNX operators or in steps. */

import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { boolean, choice, integer, number, optional, type Values } from "../../util/params.js";
import { type Activation, activations } from "../activations.js";
import { initializers } from "../initializers.js";
import type { BuildContext } from "../layer.js";
import { regularizers } from "../regularizers.js";
import { expectLayout, expectSize } from "./expect.js";
import { asSteps, dropped, flip, type Ran, type Recurrent, type Run } from "./recurrent-steps.js";
import { activityRegularizer, biasParams, penalize, regularizerOf } from "./weights.js";

export const recurrentParams = {
  units: integer("size of the state and the result", { min: 1 }),
  activation: activations.param("function of the candidate and the state", { default: "tanh" }),
  ...biasParams,
  kernelInitializer: initializers.param("first values of the kernel", { default: "glorotUniform" }),
  recurrentInitializer: initializers.param("first values of the recurrent kernel", { default: "orthogonal" }),
  kernelRegularizer: optional(regularizers.param("penalty on the kernel")),
  recurrentRegularizer: optional(regularizers.param("penalty on the recurrent kernel")),
  activityRegularizer,
  dropout: number("part of the inputs that become 0 while training, the same ones at every step", {
    default: 0,
    min: 0,
    max: 1,
  }),
  recurrentDropout: number("part of the state that becomes 0 before the recurrent product, the same at every step", {
    default: 0,
    min: 0,
    max: 1,
  }),
  returnSequences: boolean("whether the results of all steps are given, or the last one's", { default: false }),
  returnState: boolean("whether the last states are given too, as further results", { default: false }),
  goBackwards: boolean("whether the sequence is read from its end", { default: false }),
  outputOrder: choice("order of the steps' results with goBackwards: as made, or as in time", ["made", "time"], {
    default: "made",
  }),
};

export type RecurrentParams = Values<typeof recurrentParams>;

/** Goes over time: [batch, time, features] to [batch, units], or [batch, time, units]. */
export function overTime(
  context: BuildContext,
  [x, ...given]: readonly Value[],
  params: RecurrentParams,
  layer: Recurrent,
): readonly Value[] {
  const { g } = context;
  const shape = expectLayout(layer.type, x, "sequence");
  const features = expectSize(layer.type, shape, 2, "features");
  const { units, returnSequences, returnState } = params;
  const kernel = context.weight("kernel", [features, layer.gates * units], {
    initializer: params.kernelInitializer,
    regularizer: regularizerOf(params.kernelRegularizer, layer.type),
  });
  const recurrent = context.weight("recurrentKernel", [units, layer.gates * units], {
    initializer: params.recurrentInitializer,
    regularizer: regularizerOf(params.recurrentRegularizer, layer.type),
  });
  const mask = context.maskOf(x!);
  const run = { context, x: dropped(context, x!, params.dropout), given, kernel, recurrent, mask, params, layer };
  const useOperator = !context.training && mask === undefined && layer.operator !== undefined;
  const { sequence, states } = useOperator ? asOperator(run) : asSteps(run);
  if (returnSequences && mask !== undefined) {
    const flipped = params.goBackwards && params.outputOrder === "made";
    context.setMask(sequence, flipped ? flip(g, mask) : mask);
  }
  const y = returnSequences ? sequence : states[0]!;
  const results = returnState ? [y, ...states] : [y];
  penalize(context, results, params.activityRegularizer);
  return results;
}

/** ONNX's own operator: small and fast, but without a kernel for its gradient. */
function asOperator({ context: { g }, x, given, kernel, recurrent, params, layer }: Run): Ran {
  const { opType, attrs } = layer.operator!;
  const { units, goBackwards } = params;
  const turned = (w: Value) => g.unsqueeze(g.transpose(w, [1, 0]), [0]);
  const none = () => g.fill(g.ints([layer.gates * units]), 0);
  const bias =
    layer.bias === undefined && layer.recurrentBias === undefined
      ? undefined
      : g.unsqueeze(g.concat(layer.bias ?? none(), [layer.recurrentBias ?? none()], { axis: 0 }), [0]);
  const first = given.map((state) => g.unsqueeze(state, [0]));
  const [y, ...last] = g.ops(
    opType,
    [g.transpose(x, [1, 0, 2]), turned(kernel), turned(recurrent), bias, undefined, ...first],
    { hidden_size: units, direction: goBackwards ? "reverse" : "forward", ...attrs },
    { outputs: 1 + layer.states },
  );
  const sequence = g.transpose(g.squeeze(y!, [1]), [1, 0, 2]);
  return {
    sequence: goBackwards && params.outputOrder === "made" ? flip(g, sequence) : sequence,
    states: last.map((state) => g.squeeze(state, [0])),
  };
}

/** An activation as a cell applies it. */
export function applied(given: Activation | string, who: string): (g: GraphBuilder, x: Value) => Value {
  const activation = activations.of(given, who);
  return (_, x) => activation.apply(x);
}

/** Whether an activation is the one that ONNX's operator has without being told. */
export function isNamed(given: Activation | string, type: string): boolean {
  return (typeof given === "string" ? given : given.type).toLowerCase() === type;
}
