/** @file Adagrad, Adadelta, RMSprop: optimizers by the size of past gradients. */

import type { Value } from "../graph/value.js";
import { boolean, number } from "../util/params.js";
import { decayed, defineOptimizer } from "./optimizer.js";
import { learningRate } from "./schedule.js";

/** Steps by the sum of all squared gradients (Duchi et al., 2011), with PyTorch's formula and defaults. */
export const adagrad = defineOptimizer({
  type: "Adagrad",
  specs: {
    lr: learningRate(0.01),
    initialAccumulator: number("where the sums begin", { default: 0, min: 0 }),
    epsilon: number("added to the root of the sum", { default: 1e-10, above: 0 }),
  },
  slots: ({ initialAccumulator }) => ({ sum: initialAccumulator }),
  numbers: () => ({}),
  update(inputs, { epsilon, weightDecay }) {
    const { g, grad, slots, numbers } = inputs;
    const sum = g.add(slots.sum, g.square(grad));
    const step = g.mul(g.div(grad, g.add(g.sqrt(sum), epsilon)), numbers.lr);
    return { weight: g.sub(decayed(inputs, weightDecay), step), slots: { sum } };
  },
});

/** Steps by the ratio of past steps and gradients (Zeiler, 2012), with PyTorch's formula and defaults: lr is 1. */
export const adadelta = defineOptimizer({
  type: "Adadelta",
  specs: {
    lr: learningRate(1),
    rho: number("decay of both means of squares", { default: 0.9, min: 0, max: 0.999999 }),
    epsilon: number("added to both means of squares", { default: 1e-6, above: 0 }),
  },
  slots: () => ({ v: 0, steps: 0 }),
  numbers: () => ({}),
  // both slots are kept divided by (1 - rho), which cancels in their ratio; one root of the ratio for two roots
  update(inputs, { rho, epsilon, weightDecay }) {
    const { g, grad, slots, numbers } = inputs;
    const floor = epsilon / (1 - rho);
    const v = g.add(g.mul(slots.v, rho), g.square(grad));
    const step = g.mul(g.sqrt(g.div(g.add(slots.steps, floor), g.add(v, floor))), grad);
    const steps = g.add(g.mul(slots.steps, rho), g.square(step));
    return { weight: g.sub(decayed(inputs, weightDecay), g.mul(step, numbers.lr)), slots: { v, steps } };
  },
});

/** Steps by the mean of squared gradients (Hinton, 2012), with PyTorch's formula and defaults. */
export const rmsprop = defineOptimizer({
  type: "RMSprop",
  specs: {
    lr: learningRate(0.01),
    rho: number("decay of the mean of squares", { default: 0.99, min: 0, max: 0.999999 }),
    momentum: number("part of the last step's direction that stays", { default: 0, min: 0, max: 1 }),
    epsilon: number("added to the root of the mean square", { default: 1e-8, above: 0 }),
    centered: boolean("whether the variance is used instead of the mean square", { default: false }),
  },
  slots: ({ momentum, centered }) => ({
    v: 0,
    ...(centered ? { mean: 0 } : {}),
    ...(momentum === 0 ? {} : { velocity: 0 }),
  }),
  // the slots are kept divided by (1 - rho): sqrt(v) + eps = sqrt(1 - rho) (sqrt(v') + eps / sqrt(1 - rho))
  numbers: ({ rho }, _step, lr) => ({ rate: lr / Math.sqrt(1 - rho) }),
  update(inputs, { rho, momentum, epsilon, centered, weightDecay }) {
    const { g, grad, slots, numbers } = inputs;
    const v = g.add(g.mul(slots.v, rho), g.square(grad));
    const mean = centered ? g.add(g.mul(slots.mean, rho), grad) : undefined;
    // a variance that rounding made negative counts as 0
    const spread = mean === undefined ? v : g.relu(g.sub(v, g.mul(g.square(mean), 1 - rho)));
    const scaled = g.div(grad, g.add(g.sqrt(spread), epsilon / Math.sqrt(1 - rho)));
    const velocity = momentum === 0 ? undefined : g.add(g.mul(slots.velocity, momentum), scaled);
    const next = { v, ...(mean && { mean }), ...(velocity && { velocity }) };
    return {
      weight: g.sub(decayed(inputs, weightDecay), g.mul(velocity ?? scaled, numbers.rate)),
      slots: next as Record<"v" | "mean" | "velocity", Value>, // those that `slots` named
    };
  },
});
