/** @file What callbacks watch: a number of the logs, and whether it got better. */

import { didYouMean, listNames, ParamError } from "../../errors.js";
import { choice, text, type Values } from "../../util/params.js";
import type { Logs, TrainingRun } from "../callback.js";

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
};

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
