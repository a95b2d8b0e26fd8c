/** @file Schedules that only fall: in steps, exponentially, by powers, as a cosine, by hand. */

import { ParamError } from "../errors.js";
import { boolean, integer, number, numbers } from "../util/params.js";
import { defineSchedule } from "./schedule.js";

const lr = number("learning rate at the first step", { min: 0 });
const decaySteps = integer("steps of the decay", { min: 1 });
const staircase = boolean("whether the rate stays between multiples of decaySteps", { default: false });

/** lr * gamma^(number of whole `stepSize`s), PyTorch's StepLR. */
export const stepDecay = defineSchedule({
  type: "StepDecay",
  specs: {
    lr,
    stepSize: integer("steps between two changes", { min: 1 }),
    gamma: number("factor of each change", { default: 0.1, min: 0 }),
  },
  at: (step, { lr, stepSize, gamma }) => lr * gamma ** Math.floor(step / stepSize),
});

/** lr * gamma^(milestones reached), PyTorch's MultiStepLR. */
export const multiStepDecay = defineSchedule({
  type: "MultiStepDecay",
  specs: {
    lr,
    milestones: numbers("steps at which the rate changes", { min: 0 }),
    gamma: number("factor of each change", { default: 0.1, min: 0 }),
  },
  at: (step, { lr, milestones, gamma }) => lr * gamma ** milestones.filter((at) => at <= step).length,
});

/** lr * decayRate^(step / decaySteps), as in Keras. */
export const exponentialDecay = defineSchedule({
  type: "ExponentialDecay",
  specs: { lr, decaySteps, decayRate: number("factor over decaySteps", { min: 0 }), staircase },
  at: (step, { lr, decayRate, ...rest }) => lr * decayRate ** decays(step, rest),
});

/** lr / (1 + decayRate * step / decaySteps), as in Keras. */
export const inverseTimeDecay = defineSchedule({
  type: "InverseTimeDecay",
  specs: { lr, decaySteps, decayRate: number("how fast the rate falls", { min: 0 }), staircase },
  at: (step, { lr, decayRate, ...rest }) => lr / (1 + decayRate * decays(step, rest)),
});

function decays(step: number, { decaySteps, staircase }: { decaySteps: number; staircase: boolean }): number {
  return staircase ? Math.floor(step / decaySteps) : step / decaySteps;
}

/** From lr to endLr as (1 - step / decaySteps)^power, as in Keras; with `cycle` the end moves on once it is reached. */
export const polynomialDecay = defineSchedule({
  type: "PolynomialDecay",
  specs: {
    lr,
    decaySteps,
    endLr: number("learning rate at the end", { default: 0.0001, min: 0 }),
    power: number("power of the remaining part", { default: 1, above: 0 }),
    cycle: boolean("whether a new decay begins at the end, of twice, three times ... the length", { default: false }),
  },
  at(step, { lr, decaySteps, endLr, power, cycle }) {
    const steps = cycle ? decaySteps * Math.max(1, Math.ceil(step / decaySteps)) : decaySteps;
    return (lr - endLr) * (1 - Math.min(step, steps) / steps) ** power + endLr;
  },
});

/** Half a cosine from lr to alpha * lr, as in Keras; it stays there. */
export const cosineDecay = defineSchedule({
  type: "CosineDecay",
  specs: { lr, decaySteps, alpha: number("part of the rate at the end", { default: 0, min: 0, max: 1 }) },
  at: (step, { lr, decaySteps, alpha }) => lr * cosine(Math.min(1, step / decaySteps), alpha),
});

/**
 * Half cosines one after another (Loshchilov and Hutter, 2016), as Keras's CosineDecayRestarts: each `tMul` times as long as
 * the one before, and beginning at `mMul` times its rate.
 */
export const cosineDecayRestarts = defineSchedule({
  type: "CosineDecayRestarts",
  specs: {
    lr,
    firstDecaySteps: integer("steps of the first decay", { min: 1 }),
    tMul: number("length of a decay over that of the one before", { default: 2, min: 1 }),
    mMul: number("first rate of a decay over that of the one before", { default: 1, min: 0 }),
    alpha: number("part of the rate at the end of each", { default: 0, min: 0, max: 1 }),
  },
  at(step, { lr, firstDecaySteps, tMul, mMul, alpha }) {
    let [restarts, length, begin] = [0, firstDecaySteps, 0];
    if (tMul === 1) {
      restarts = Math.floor(step / length);
      begin = restarts * length;
    }
    for (; step >= begin + length; restarts++) {
      begin += length;
      length *= tMul;
    }
    return lr * cosine((step - begin) / length, alpha, mMul ** restarts);
  },
});

function cosine(part: number, alpha: number, top = 1): number {
  return (1 - alpha) * top * 0.5 * (1 + Math.cos(Math.PI * part)) + alpha;
}

/** values[i] for steps past boundaries[i - 1], up to and with boundaries[i], as Keras's PiecewiseConstantDecay. */
export const piecewiseConstantDecay = defineSchedule({
  type: "PiecewiseConstantDecay",
  specs: {
    boundaries: numbers("last steps of the rates, rising", { min: 0 }),
    values: numbers("learning rates, one more than boundaries", { min: 0 }),
  },
  check({ boundaries, values }) {
    if (values.length !== boundaries.length + 1) {
      const wanted = boundaries.length + 1;
      throw new ParamError(
        "PiecewiseConstantDecay",
        `values must be one more than boundaries, so ${wanted}, got ${values.length}`,
      );
    }
    if (boundaries.some((boundary, i) => i > 0 && boundary <= boundaries[i - 1]!)) {
      throw new ParamError("PiecewiseConstantDecay", `boundaries must rise, got ${boundaries.join(", ")}`);
    }
  },
  at: (step, { boundaries, values }) => values[boundaries.filter((boundary) => boundary < step).length]!,
});
