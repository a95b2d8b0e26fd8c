/** @file What callbacks watch: a number of the logs, and whether it got better. */

import { didYouMean, listNames, ParamError } from "../../errors.js";
import { choice, text, type Values } from "../../util/params.js";
import type { Callback, Logs, TrainingRun } from "../callback.js";

/** Parameters of callbacks that watch a number. */
export const monitored = {
  monitor: text("which log is watched: loss, val_loss, accuracy, val_accuracy ...", { default: "val_loss" }),
  mode: choice(
    "whether smaller or larger is better; auto: what the metric says, smaller for losses",
    ["auto", "min", "max"],
    {
      default: "auto",
    },
  ),
  interval: choice(
    "when it is looked at: as each epoch ends, or at each validation within epochs, every validateEverySteps steps; patience and the like count these",
    ["epoch", "validation"],
    { default: "epoch" },
  ),
};

/** A time at which a log is looked at. */
export interface Look {
  /** Of the epochs or validations, from 0. */
  readonly number: number;
  /** From 0. */
  readonly epoch: number;
  /** As messages call it: `epoch 3`, `step 1500`. */
  readonly place: string;
}

/** Hooks that look at the logs as epochs end, or at validations within epochs. */
export function lookingEvery(
  who: string,
  { interval }: Pick<Values<typeof monitored>, "interval">,
  look: (at: Look, logs: Logs, run: TrainingRun) => void | Promise<void>,
): Pick<Callback, "onTrainBegin" | "onValidation" | "onEpochEnd"> {
  if (interval === "epoch") {
    return { onEpochEnd: (epoch, logs, run) => look({ number: epoch, epoch, place: `epoch ${epoch + 1}` }, logs, run) };
  }
  return {
    onTrainBegin(run) {
      if (run.validateEverySteps !== undefined) return;
      const message = 'interval "validation" needs validations within epochs; set validateEverySteps of the estimator';
      throw new ParamError(who, message, { param: "interval" });
    },
    onValidation(logs, run) {
      const { step, epoch } = run;
      return look({ number: step / run.validateEverySteps! - 1, epoch, place: `step ${step}` }, logs, run);
    },
  };
}

/** The watched number. @throws ParamError where the logs do not have it. */
export function watched(who: string, { monitor }: Pick<Values<typeof monitored>, "monitor">, logs: Logs): number {
  const value = logs[monitor];
  if (value !== undefined) return value;
  const known = Object.keys(logs);
  const mend =
    monitor.startsWith("val_") && !known.some((name) => name.startsWith("val_"))
      ? "; give the training validation rows, or watch a log without val_"
      : didYouMean(monitor, known);
  throw new ParamError(who, `no log "${monitor}" (there are ${listNames(known)})${mend}`, { param: "monitor" });
}

/** Whether `value` is better than `best` by more than `minDelta`; anything but NaN is better than nothing. */
export function isBetter(
  { monitor, mode }: Values<typeof monitored>,
  run: Pick<TrainingRun, "largerIsBetter">,
  {
    value,
    best,
    minDelta = 0,
  }: { readonly value: number; readonly best: number | undefined; readonly minDelta?: number },
): boolean {
  if (Number.isNaN(value)) return false;
  if (best === undefined) return true;
  const isLarger = mode === "max" || (mode === "auto" && run.largerIsBetter.has(monitor));
  return isLarger ? value - minDelta > best : value + minDelta < best;
}
