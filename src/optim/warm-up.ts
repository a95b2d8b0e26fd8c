/** @file Schedules that rise first: warm-up before any other, one-cycle. */

import { boolean, choice, integer, number } from "../util/params.js";
import { defineSchedule, learningRate, rateAt } from "./schedule.js";

/**
 * A linear rise over `steps` to the first rate of `lr`, which follows.
 *
 * @example optim.warmup({ steps: 500, lr: optim.cosineDecay({ lr: 1e-3, decaySteps: 10_000 }) })
 */
export const warmup = defineSchedule({
  type: "Warmup",
  specs: {
    steps: integer("steps until the full rate", { min: 1 }),
    startFactor: number("part of the rate at the first step", { default: 0, min: 0, max: 1 }),
    lr: learningRate(0.001, "learning rate after the warm-up, or a schedule that begins there"),
  },
  at(step, { steps, startFactor, lr }) {
    if (step >= steps) return rateAt(lr, step - steps);
    return rateAt(lr, 0) * (startFactor + ((1 - startFactor) * step) / steps);
  },
});

/**
 * One rise to `maxLr` and one long fall (Smith and Topin, 2018), PyTorch's OneCycleLR without its change of momentum.
 *
 * @example optim.oneCycle({ maxLr: 0.01, totalSteps: 10_000 })
 */
export const oneCycle = defineSchedule({
  type: "OneCycle",
  specs: {
    maxLr: number("highest learning rate", { min: 0 }),
    totalSteps: integer("steps of the cycle; the rate stays at its end afterwards", { min: 1 }),
    pctStart: number("part of the steps in which the rate rises", { default: 0.3, min: 0, max: 1 }),
    anneal: choice("form of rise and fall", ["cos", "linear"], { default: "cos" }),
    divFactor: number("highest rate over the first", { default: 25, above: 0 }),
    finalDivFactor: number("first rate over the last", { default: 1e4, above: 0 }),
    threePhase: boolean("whether the rate falls back to the first in the time it rose, and to the last then", {
      default: false,
    }),
  },
  at(step, { maxLr, totalSteps, pctStart, anneal, divFactor, finalDivFactor, threePhase }) {
    const first = maxLr / divFactor;
    const last = first / finalDivFactor;
    const top = pctStart * totalSteps - 1;
    const phases: readonly (readonly [end: number, from: number, to: number])[] = threePhase
      ? [
          [top, first, maxLr],
          [2 * top, maxLr, first],
          [totalSteps - 1, first, last],
        ]
      : [
          [top, first, maxLr],
          [totalSteps - 1, maxLr, last],
        ];
    let begin = 0;
    for (const [i, [end, from, to]] of phases.entries()) {
      if (step <= end || i === phases.length - 1) {
        const part = end > begin ? Math.min(1, (step - begin) / (end - begin)) : 1;
        return anneal === "linear"
          ? from + (to - from) * part
          : to + ((from - to) / 2) * (1 + Math.cos(Math.PI * part));
      }
      begin = end;
    }
    return last;
  },
});
