/** @file Activations: functions of one tensor, by Keras's names. */

import type { Value } from "../graph/value.js";
import { byElement } from "../ops/turned.js";
import { type Configured, Kind } from "../util/kind.js";
import { number } from "../util/params.js";

/** A function of a tensor that keeps its shape. */
export interface Activation extends Configured {
  apply(x: Value): Value;
}

/** Names of activations. */
export type ActivationName = Exclude<keyof typeof import("./activations.js"), "activations">;

export const activations = new Kind<Activation, ActivationName>("activation");

function simple(type: string, apply: (x: Value) => Value) {
  return activations.define({ type, specs: {}, positional: [], make: (params) => ({ type, params, apply }) });
}

/** Of each element alone. */
function simpleByElement(type: string, apply: (x: Value) => Value) {
  return simple(type, (x) => byElement(x, apply));
}

export const linear = simple("Linear", (x) => x);
export const relu = simpleByElement("Relu", (x) => x.relu());
export const relu6 = simpleByElement("Relu6", (x) => x.clip(0, 6));
export const sigmoid = simpleByElement("Sigmoid", (x) => x.sigmoid());
export const hardSigmoid = simpleByElement("HardSigmoid", (x) => x.hardSigmoid({ alpha: 1 / 6 }));
export const tanh = simpleByElement("Tanh", (x) => x.tanh());
export const softmax = simple("Softmax", (x) => x.softmax());
export const logSoftmax = simple("LogSoftmax", (x) => x.logSoftmax());
export const softplus = simpleByElement("Softplus", (x) => x.softplus());
export const softsign = simpleByElement("Softsign", (x) => x.softsign());
export const selu = simpleByElement("Selu", (x) => x.selu());
/** x * sigmoid(x), also called swish. */
export const silu = simpleByElement("Silu", (x) => x.mul(x.sigmoid()));
export const swish = simpleByElement("Swish", (x) => x.mul(x.sigmoid()));
export const hardSwish = simpleByElement("HardSwish", (x) => x.hardSwish());
export const mish = simpleByElement("Mish", (x) => x.mish());
export const exponential = simpleByElement("Exponential", (x) => x.exp());
/** x * Phi(x), exact; `geluTanh` is its faster approximation. */
export const gelu = simpleByElement("Gelu", (x) => x.gelu());
export const geluTanh = simpleByElement("GeluTanh", (x) => x.gelu({ approximate: "tanh" }));

export const elu = activations.define({
  type: "Elu",
  specs: { alpha: number("scale of the negative part", { default: 1 }) },
  positional: ["alpha"],
  make: (params) => ({ type: "Elu", params, apply: (x) => byElement(x, (each) => each.elu(params)) }),
});

export const leakyRelu = activations.define({
  type: "LeakyRelu",
  specs: { negativeSlope: number("slope of the negative part", { default: 0.2 }) },
  positional: ["negativeSlope"],
  make: (params) => ({
    type: "LeakyRelu",
    params,
    apply: (x) => byElement(x, (each) => each.leakyRelu({ alpha: params.negativeSlope })),
  }),
});
