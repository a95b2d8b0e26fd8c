/** @file LAMB. */

import { number } from "../util/params.js";
import { normOf } from "./clip.js";
import { defineOptimizer } from "./optimizer.js";

/**
 * Adam's step scaled to the size of each weight, for large batches (You et al., 2019). Weight decay is part of the step.
 * Weights whose norm, or whose step's norm, is 0 are not scaled.
 */
export const lamb = defineOptimizer({
  type: "LAMB",
  specs: {
    beta1: number("decay of the mean of gradients", { default: 0.9, min: 0, max: 0.999999 }),
    beta2: number("decay of the mean of squared gradients", { default: 0.999, min: 0, max: 0.999999 }),
    epsilon: number("added to the root of the mean square", { default: 1e-6, above: 0 }),
  },
  scope: "weight",
  slots: () => ({ m: 0, v: 0 }),
  // slots scaled as Adam's; `scale` makes m / (sqrt(v) + floor) the bias-corrected ratio
  numbers({ beta1, beta2, epsilon }, step) {
    const root = Math.sqrt((1 - beta2 ** step) / (1 - beta2));
    return { scale: ((1 - beta1) / (1 - beta1 ** step)) * root, floor: epsilon * root };
  },
  update({ g, weight, grad, slots, numbers, decay }, { beta1, beta2, weightDecay }) {
    const m = g.add(g.mul(slots.m, beta1), grad);
    const v = g.add(g.mul(slots.v, beta2), g.square(grad));
    const ratio = g.mul(g.div(m, g.add(g.sqrt(v), numbers.floor)), numbers.scale);
    const part = weightDecay * decay;
    const step = part === 0 ? ratio : g.add(ratio, g.mul(weight, part));
    const [size, length] = [normOf(g, weight), normOf(g, step)];
    const isNone = g.equal(g.mul(size, length), 0);
    const trust = g.where(isNone, 1, g.div(size, g.where(isNone, 1, length)));
    return { weight: g.sub(weight, g.mul(step, g.mul(trust, numbers.lr))), slots: { m, v } };
  },
});
