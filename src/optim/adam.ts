/** @file Adam. */

import { number } from "../util/params.js";
import { defineOptimizer } from "./optimizer.js";

/** Adaptive moments (Kingma and Ba, 2014), with PyTorch's formula and defaults; `weightDecay` is decoupled (AdamW). */
export const adam = defineOptimizer({
  type: "Adam",
  specs: {
    beta1: number("decay of the mean of gradients", { default: 0.9, min: 0, max: 1 }),
    beta2: number("decay of the mean of squared gradients", { default: 0.999, min: 0, max: 1 }),
    epsilon: number("added to the root of the mean square", { default: 1e-8, above: 0 }),
  },
  slots: () => ({ m: 0, v: 0 }),
  // w -= lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps); the slots hold m / (1 - b1) and v / (1 - b2),
  // which saves two passes over the weights
  numbers({ beta1, beta2, epsilon }, step, lr) {
    const root = Math.sqrt((1 - beta2 ** step) / (1 - beta2));
    return { rate: ((lr * (1 - beta1)) / (1 - beta1 ** step)) * root, floor: epsilon * root };
  },
  update({ g, weight, grad, slots, numbers: { lr, rate, floor }, decay }, { beta1, beta2, weightDecay }) {
    const m = g.add(g.mul(slots.m, beta1), grad);
    const v = g.add(g.mul(slots.v, beta2), g.square(grad));
    const kept = decay === 0 || weightDecay === 0 ? weight : g.mul(weight, g.sub(1, g.mul(lr, weightDecay * decay)));
    return { weight: g.sub(kept, g.mul(g.div(m, g.add(g.sqrt(v), floor)), rate)), slots: { m, v } };
  },
});
