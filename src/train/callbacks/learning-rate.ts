/** @file Callbacks that change the learning rate: ReduceLROnPlateau, LearningRateScheduler. */

import { ParamError } from "../../errors.js";
import { integer, json, number } from "../../util/params.js";
import type { TrainingRun } from "../callback.js";
import { defineCallback, withState } from "./define.js";
import { isBetter, lookingEvery, monitored, watched } from "./monitor.js";

interface State {
  wait: number;
  cooldown: number;
  best?: number;
}

/**
 * Lowers the learning rate when the watched log has not improved for `patience` epochs, as Keras's ReduceLROnPlateau, or for as many
 * validations within epochs with `interval: "validation"`. What the optimizer's schedule gives is multiplied.
 *
 * @example callbacks.reduceLROnPlateau({ factor: 0.5, patience: 5 })
 */
export const reduceLROnPlateau = defineCallback(
  "ReduceLROnPlateau",
  {
    ...monitored,
    factor: number("what the learning rate is multiplied by", { default: 0.1, min: 0, max: 1 }),
    patience: integer("epochs without improvement after which it is", { default: 10, min: 0 }),
    minDelta: number("smallest change that counts as an improvement", { default: 1e-4, min: 0 }),
    cooldown: integer("epochs after that which are not counted", { default: 0, min: 0 }),
    minLr: number("smallest learning rate", { default: 0, min: 0 }),
  },
  (params, name) =>
    withState<State>(
      () => ({ wait: 0, cooldown: 0 }),
      (state) => ({
        name,
        ...lookingEvery(name, params, (_at, logs, run) => {
          const now = state();
          const value = watched(name, params, logs);
          if (now.cooldown > 0) {
            now.cooldown--;
            now.wait = 0;
          }
          if (isBetter(params, run, { value, best: now.best, minDelta: params.minDelta })) {
            now.best = value;
            now.wait = 0;
            return;
          }
          if (now.cooldown > 0) return;
          now.wait++;
          const { lr } = run;
          if (now.wait < params.patience || lr <= params.minLr) return;
          run.lrFactor *= Math.max(lr * params.factor, params.minLr) / lr;
          now.cooldown = params.cooldown;
          now.wait = 0;
        }),
      }),
    ),
);

/**
 * Sets the learning rate at the beginning of each epoch, as Keras's LearningRateScheduler; for optimizers whose rate is a number.
 *
 * @example callbacks.learningRateScheduler((epoch, lr) => (epoch < 10 ? lr : lr * 0.9))
 */
export const learningRateScheduler = defineCallback(
  "LearningRateScheduler",
  {
    schedule: json<(epoch: number, lr: number) => number>(
      "the learning rate of an epoch, counted from 0, and of the rate before it",
      "a function of the epoch and the learning rate",
      (value) => typeof value === "function",
    ),
  },
  ({ schedule }, name) => ({
    name,
    onEpochBegin(epoch: number, run: TrainingRun) {
      const wanted = schedule(epoch, run.lr);
      if (!Number.isFinite(wanted) || wanted < 0) {
        throw new ParamError(name, `schedule must give a number of at least 0, got ${wanted} for epoch ${epoch}`);
      }
      if (run.scheduledLr === 0) {
        throw new ParamError(
          name,
          "the optimizer's own learning rate is 0 here; give it a number, as in optim.adam({ lr: 1e-3 })",
        );
      }
      run.lrFactor = wanted / run.scheduledLr;
    },
  }),
  "schedule",
);
