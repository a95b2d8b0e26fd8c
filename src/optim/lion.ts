/** @file Lion. */

import { number } from "../util/params.js";
import { decayed, defineOptimizer } from "./optimizer.js";
import { learningRate } from "./schedule.js";

/** Steps by the sign of the momentum (Chen et al., 2023), with the paper's defaults; learning rates are about a tenth of Adam's. */
export const lion = defineOptimizer({
  type: "Lion",
  specs: {
    lr: learningRate(1e-4),
    beta1: number("part of the momentum in the direction", { default: 0.9, min: 0, max: 0.999999 }),
    beta2: number("decay of the momentum", { default: 0.99, min: 0, max: 0.999999 }),
  },
  slots: () => ({ m: 0 }),
  numbers: () => ({}),
  // sign(b1 m + (1 - b1) g) is that of b1 / (1 - b1) m + g; the slot holds m / (1 - b2). Cutting a multiple that is large
  // beyond all measure to -lr and lr gives lr * sign, at a fifth of the time of Sign
  update(inputs, { beta1, beta2, weightDecay }) {
    const { g, grad, slots, numbers } = inputs;
    const direction = g.add(g.mul(slots.m, (beta1 * (1 - beta2)) / (1 - beta1)), grad);
    const m = g.add(g.mul(slots.m, beta2), grad);
    const step = g.clip(g.mul(direction, 2 ** 100), g.neg(numbers.lr), numbers.lr);
    return { weight: g.sub(decayed(inputs, weightDecay), step), slots: { m } };
  },
});
