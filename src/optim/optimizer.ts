/** @file Optimizer: how weights follow their gradients, as operators; learning rates and corrections are worked out per step. */

import { ParamError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { type Configured, Kind, type Maker } from "../util/kind.js";
import { boolean, integer, number, optional, type ParamSpecs, strings, type Values } from "../util/params.js";
import { learningRate, rateAt } from "./schedule.js";

/** One weight of a step, or several of them joined to one vector. */
export interface UpdateInputs<S extends string, N extends string> {
  readonly g: GraphBuilder;
  readonly weight: Value;
  /** Of the weight's shape; clipped already. */
  readonly grad: Value;
  readonly slots: Readonly<Record<S, Value>>;
  /** The step's numbers, scalars; `lr` includes the schedule and the layer's multiplier. */
  readonly numbers: Readonly<Record<N | "lr", Value>>;
  /** Factor of weight decay of this weight: 0 where it is excluded. */
  readonly decay: number;
}

export interface Updated<S extends string> {
  readonly weight: Value;
  readonly slots: Readonly<Record<S, Value>>;
}

/**
 * What an update looks at together: each element on its own, so that weights may be joined for speed; each weight; or all
 * weights, which come as one vector.
 */
export type Scope = "element" | "weight" | "all";

/** An optimizer: what it keeps of each weight, the numbers of each step, and the update. */
export interface Optimizer extends Configured {
  readonly params: Readonly<Values<typeof common>> & Readonly<Record<string, unknown>>;
  /** What is kept of each weight from step to step, of the weight's shape, and its first value. */
  readonly slots: Readonly<Record<string, number>>;
  readonly scope: Scope;
  /** Numbers of a step beside `lr`, such as Adam's corrections; `step` counts from 1, `lr` has the multiplier in it. */
  numbers(step: number, lr: number): Readonly<Record<string, number>>;
  update(inputs: UpdateInputs<string, string>): Updated<string>;
}

type Schedules = typeof import("./schedules.js") & typeof import("./warm-up.js");

/** Names of optimizers. */
export type OptimizerName = Exclude<
  keyof typeof import("./index.js"),
  keyof Schedules | "defineOptimizer" | "defineSchedule"
>;

export const optimizers = new Kind<Optimizer, OptimizerName>("optimizer", {
  amsgrad: "optim.adam({ amsgrad: true })",
  momentum: "optim.sgd({ momentum: 0.9 })",
  nesterov: "optim.sgd({ momentum: 0.9, nesterov: true })",
});

/** Parameters that every optimizer has, as in Keras. */
export const common = {
  lr: learningRate(0.001),
  weightDecay: number("part of the weights that each step takes away, times the learning rate (decoupled)", {
    default: 0,
    min: 0,
  }),
  excludeFromWeightDecay: strings(
    "names of weights without decay, or parts of names; biases and scales of normalisations have none anyway",
    { default: [] },
  ),
  clipValue: optional(number("gradients' elements are cut to at most this size", { above: 0 })),
  clipNorm: optional(number("each weight's gradient is scaled down to at most this norm", { above: 0 })),
  globalClipNorm: optional(number("all gradients together are scaled down to at most this norm", { above: 0 })),
  gradientAccumulationSteps: integer("batches whose gradients are averaged for one update", { default: 1, min: 1 }),
  useEma: boolean(
    "whether an exponential moving average of the weights is kept and used for validation and the model",
    { default: false },
  ),
  emaMomentum: number("part of the average that stays at each step", { default: 0.99, min: 0, max: 1 }),
};

/** The weight after decoupled decay (Loshchilov and Hutter, 2017); the weight itself where there is none. */
export function decayed(
  { g, weight, numbers, decay }: Pick<UpdateInputs<string, string>, "g" | "weight" | "decay" | "numbers">,
  weightDecay: number,
): Value {
  const part = weightDecay * decay;
  return part === 0 ? weight : g.mul(weight, g.sub(1, g.mul(numbers.lr!, part)));
}

/** The learning rate of a step, counted from 0. */
export function lrAt(optimizer: Optimizer, step: number): number {
  return rateAt(optimizer.params.lr, step);
}

export interface OptimizerDefinition<P extends ParamSpecs, S extends string, N extends string> {
  readonly type: string;
  /** Beside the common ones, whose defaults it may change. */
  readonly specs: P;
  /** Default "element". */
  readonly scope?: Scope;
  slots(params: Values<typeof common & P>): { readonly [K in S]?: number };
  /** @param lr with the schedule and the weights' multiplier in it */
  numbers(params: Values<typeof common & P>, step: number, lr: number): Readonly<Record<N, number>>;
  update(inputs: UpdateInputs<S, N>, params: Values<typeof common & P>): Updated<S>;
}

/** Defines an optimizer: one record says its parameters, what it keeps of each weight, and its update. */
export function defineOptimizer<const P extends ParamSpecs, S extends string, N extends string>(
  definition: OptimizerDefinition<P, S, N>,
): Maker<Optimizer, typeof common & P, readonly []> {
  const { type, specs, scope = "element" } = definition;
  return optimizers.define<typeof common & P, readonly []>({
    type,
    specs: { ...common, ...specs },
    positional: [],
    make(params) {
      const { clipNorm, globalClipNorm } = params as Values<typeof common>;
      if (clipNorm !== undefined && globalClipNorm !== undefined) {
        throw new ParamError(type, "clipNorm and globalClipNorm exclude each other; give one of them");
      }
      return {
        type,
        params: params as Optimizer["params"],
        slots: definition.slots(params) as Readonly<Record<string, number>>,
        scope,
        numbers: (step, lr) => definition.numbers(params, step, lr),
        // the engine gives back the slots and numbers that this definition named
        update: (inputs) => definition.update(inputs as UpdateInputs<S, N>, params),
      };
    },
  });
}
