/** @file Adam, AdamW, Adamax, NAdam, RAdam: optimizers by moments of the gradients. */

import type { Value } from "../graph/value.js";
import { boolean, number, type Values } from "../util/params.js";
import { common, decayed, defineOptimizer, type UpdateInputs } from "./optimizer.js";
import { learningRate } from "./schedule.js";

const beta1 = number("decay of the mean of gradients", { default: 0.9, min: 0, max: 0.999999 });
const beta2 = number("decay of the mean of squared gradients", { default: 0.999, min: 0, max: 0.999999 });
const epsilon = number("added to the root of the mean square", { default: 1e-8, above: 0 });
const moments = { beta1, beta2, epsilon };

const specs = {
  ...moments,
  amsgrad: boolean("whether the largest mean square so far is used (Reddi et al., 2018)", { default: false }),
};

type Params = Values<typeof common & typeof specs>;
type Slots = "m" | "v" | "top";

const adamSlots = ({ amsgrad }: Params) => ({ m: 0, v: 0, ...(amsgrad ? { top: 0 } : {}) });

// w -= lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps); the slots hold m / (1 - b1) and v / (1 - b2),
// which saves two of twelve passes over the weights
function adamNumbers({ beta1, beta2, epsilon }: Values<typeof moments>, step: number, lr: number) {
  const root = Math.sqrt((1 - beta2 ** step) / (1 - beta2));
  return { rate: ((lr * (1 - beta1)) / (1 - beta1 ** step)) * root, floor: epsilon * root };
}

function adamUpdate(inputs: UpdateInputs<Slots, "rate" | "floor">, params: Params) {
  const { g, slots, numbers } = inputs;
  // the runtime keeps this order: with m before v a step of the benchmark's MLP took 0.828 ms, not 0.813
  const v = nextSquares(inputs, params);
  const top = params.amsgrad ? g.max(slots.top, v) : undefined;
  const root = g.add(g.sqrt(top ?? v), numbers.floor);
  const m = nextMean(inputs, params);
  const step = g.mul(g.div(m, root), numbers.rate);
  return {
    weight: g.sub(decayed(inputs, params.weightDecay), step),
    slots: { m, v, ...(top && { top }) } as Record<Slots, Value>, // `top` is kept with amsgrad only
  };
}

function nextMean({ g, grad, slots }: UpdateInputs<"m", string>, { beta1 }: { readonly beta1: number }): Value {
  return g.add(g.mul(slots.m, beta1), grad);
}

function nextSquares({ g, grad, slots }: UpdateInputs<"v", string>, { beta2 }: { readonly beta2: number }): Value {
  return g.add(g.mul(slots.v, beta2), g.square(grad));
}

function nextMoments(
  inputs: UpdateInputs<"m" | "v", string>,
  betas: { readonly beta1: number; readonly beta2: number },
) {
  return { m: nextMean(inputs, betas), v: nextSquares(inputs, betas) };
}

/**
 * Adaptive moments (Kingma and Ba, 2014), with PyTorch's formula and defaults; `weightDecay` is decoupled, as in AdamW.
 *
 * @example optim.adam({ lr: optim.cosineDecay({ lr: 1e-3, decaySteps: 1000 }) })
 */
export const adam = defineOptimizer({
  type: "Adam",
  specs,
  slots: adamSlots,
  numbers: adamNumbers,
  update: adamUpdate,
});

/** Adam with weight decay of 0.01 (Loshchilov and Hutter, 2017), with PyTorch's formula and defaults. */
export const adamW = defineOptimizer({
  type: "AdamW",
  specs: { ...specs, weightDecay: number(common.weightDecay.doc, { default: 0.01, min: 0 }) },
  slots: (params) => adamSlots(params),
  numbers: (params, step, lr) => adamNumbers(params, step, lr),
  update: (inputs, params) => adamUpdate(inputs, params),
});

/** Adam by the largest gradient instead of the mean square (Kingma and Ba, 2014), with PyTorch's formula; lr is 0.002. */
export const adamax = defineOptimizer({
  type: "Adamax",
  specs: { ...moments, lr: learningRate(0.002) },
  slots: () => ({ m: 0, u: 0 }),
  numbers: ({ beta1 }, step, lr) => ({ rate: (lr * (1 - beta1)) / (1 - beta1 ** step) }),
  update(inputs, { beta1, beta2, epsilon, weightDecay }) {
    const { g, grad, slots, numbers } = inputs;
    const m = g.add(g.mul(slots.m, beta1), grad);
    const u = g.max(g.mul(slots.u, beta2), g.add(g.abs(grad), epsilon));
    return { weight: g.sub(decayed(inputs, weightDecay), g.mul(g.div(m, u), numbers.rate)), slots: { m, u } };
  },
});

/** Adam with Nesterov's momentum (Dozat, 2016), with PyTorch's formula; weight decay is decoupled. */
export const nadam = defineOptimizer({
  type: "Nadam",
  specs: { ...moments, momentumDecay: number("how fast the momentum grows", { default: 0.004, min: 0 }) },
  slots: () => ({ m: 0, v: 0 }),
  // w -= (lr (1 - mu_t) / (1 - P_t) g + lr mu_t+1 / (1 - P_t+1) m) / (sqrt(v / (1 - b2^t)) + eps), P the product of all mu;
  // taken together as (g + ahead * m) * rate, with slots scaled as Adam's
  numbers(params, step, lr) {
    const { beta1, beta2, epsilon, momentumDecay } = params;
    const mu = (t: number) => beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay));
    let product = 1;
    // a product below what float64 can tell from 0 beside 1 need not be known
    for (let t = 1; t <= step && product > 1e-18; t++) product *= mu(t);
    const [now, next] = [mu(step), mu(step + 1)];
    const root = Math.sqrt((1 - beta2 ** step) / (1 - beta2));
    const own = (1 - now) / (1 - product);
    const ahead = (next * (1 - beta1)) / (1 - product * next);
    return { rate: lr * own * root, ahead: ahead / own, floor: epsilon * root };
  },
  update(inputs, params) {
    const { g, grad, numbers } = inputs;
    const { m, v } = nextMoments(inputs, params);
    const direction = g.add(grad, g.mul(m, numbers.ahead));
    const step = g.mul(g.div(direction, g.add(g.sqrt(v), numbers.floor)), numbers.rate);
    return { weight: g.sub(decayed(inputs, params.weightDecay), step), slots: { m, v } };
  },
});

/** A floor beside which a root of mean squares vanishes in float32. */
const huge = 2 ** 60;

/** Adam that adapts once there are steps enough to tell the variance (Liu et al., 2019), with PyTorch's formula. */
export const radam = defineOptimizer({
  type: "RAdam",
  specs: moments,
  slots: () => ({ m: 0, v: 0 }),
  numbers({ beta1, beta2, epsilon }, step, lr) {
    const longest = 2 / (1 - beta2) - 1;
    const length = longest - (2 * step * beta2 ** step) / (1 - beta2 ** step);
    const mean = (lr * (1 - beta1)) / (1 - beta1 ** step);
    // with a huge floor m / (sqrt(v) + floor) * rate is m times the mean's factor: one form for both phases
    if (length <= 5) return { rate: mean * huge, floor: huge };
    const rectified = Math.sqrt(((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length));
    // unlike Adam, epsilon is added to the uncorrected root
    return {
      rate: mean * rectified * Math.sqrt((1 - beta2 ** step) / (1 - beta2)),
      floor: epsilon / Math.sqrt(1 - beta2),
    };
  },
  update(inputs, params) {
    const { g, numbers } = inputs;
    const { m, v } = nextMoments(inputs, params);
    const step = g.mul(g.div(m, g.add(g.sqrt(v), numbers.floor)), numbers.rate);
    return { weight: g.sub(decayed(inputs, params.weightDecay), step), slots: { m, v } };
  },
});
