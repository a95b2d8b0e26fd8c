/** @file Stochastic gradient descent. */

import { ParamError } from "../errors.js";
import { boolean, number } from "../util/params.js";
import { decayed, defineOptimizer } from "./optimizer.js";
import { learningRate } from "./schedule.js";

/**
 * Weights against their gradient, with momentum and Nesterov's momentum by PyTorch's formula.
 *
 * @example optim.sgd({ lr: 0.1, momentum: 0.9, nesterov: true })
 */
export const sgd = defineOptimizer({
  type: "SGD",
  specs: {
    lr: learningRate(0.01),
    momentum: number("part of the last step's direction that stays", { default: 0, min: 0, max: 1 }),
    nesterov: boolean("whether the gradient counts once more, as if taken after the step (needs momentum)", {
      default: false,
    }),
  },
  slots({ momentum, nesterov }) {
    if (nesterov && momentum === 0) {
      throw new ParamError("SGD", "nesterov needs momentum; set momentum, to 0.9 for instance", { param: "nesterov" });
    }
    return momentum === 0 ? {} : { velocity: 0 };
  },
  numbers: () => ({}),
  update(inputs, { momentum, nesterov, weightDecay }) {
    const { g, grad, slots, numbers } = inputs;
    const weight = decayed(inputs, weightDecay);
    if (momentum === 0) return { weight: g.sub(weight, g.mul(grad, numbers.lr)), slots };
    const velocity = g.add(g.mul(slots.velocity, momentum), grad);
    const direction = nesterov ? g.add(g.mul(velocity, momentum), grad) : velocity;
    return { weight: g.sub(weight, g.mul(direction, numbers.lr)), slots: { velocity } };
  },
});
