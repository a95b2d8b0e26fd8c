/** @file TensorBoard: scalars and histograms of weights, as event files. */

import { join } from "node:path";
import { integer, json, text } from "../../util/params.js";
import type { Logs } from "../callback.js";
import { defineCallback } from "./define.js";
import { EventFile, type Summary } from "./event-file.js";

/**
 * Writes the logs for TensorBoard (`tensorboard --logdir logs`), with the folders and tags of Keras's TensorBoard: `train` and
 * `validation`, `epoch_loss`, `batch_loss`; `evaluation_loss_vs_iterations` of validations by steps.
 *
 * @example callbacks.tensorBoard({ logDir: "logs/first", histogramFreq: 1 })
 */
export const tensorBoard = defineCallback(
  "TensorBoard",
  {
    logDir: text("folder to write into", { default: "logs" }),
    histogramFreq: integer("epochs between histograms of the weights; 0 for none", { default: 0, min: 0 }),
    updateFreq: json<"epoch" | "batch" | number>(
      "how often logs are written: after each epoch only, also after each step, or after every so many steps",
      '"epoch", "batch" or a number of steps',
      (value) => value === "epoch" || value === "batch" || (Number.isInteger(value) && (value as number) > 0),
      { default: "epoch" },
    ),
  },
  ({ logDir, histogramFreq, updateFreq }, name) => {
    const files = new Map<string, EventFile>();
    const write = async (set: "train" | "validation", step: number, summaries: readonly Summary[]): Promise<void> => {
      if (summaries.length === 0) return;
      const file = files.get(set) ?? new EventFile(join(logDir, set));
      files.set(set, file);
      await file.write(step, summaries);
    };
    const every = updateFreq === "batch" ? 1 : updateFreq;
    return {
      name,
      async onEpochEnd(epoch, logs, run) {
        await write("train", epoch, scalars(logs, { ofValidation: false, tag: (log) => `epoch_${log}` }));
        await write("validation", epoch, scalars(logs, { ofValidation: true, tag: (log) => `epoch_${log}` }));
        if (histogramFreq === 0 || (epoch + 1) % histogramFreq !== 0) return;
        const weights = [...(await run.weights())].map(([tag, { data }]) => ({ tag, value: data as Float32Array }));
        await write("train", epoch, weights);
      },
      ...(every !== "epoch" && {
        async onBatchEnd(step: number, logs: Logs) {
          if (step % every === 0)
            await write("train", step, scalars(logs, { ofValidation: false, tag: (log) => `batch_${log}` }));
        },
      }),
      async onValidation(logs, { step }) {
        const tag = (log: string) => `evaluation_${log}_vs_iterations`;
        await write("validation", step, scalars(logs, { ofValidation: true, tag }));
      },
      async onTrainEnd() {
        await Promise.all([...files.values()].map((file) => file.close()));
        // another run gets files of its own
        files.clear();
      },
    };
  },
  "logDir",
);

function scalars(
  logs: Logs,
  { ofValidation, tag }: { readonly ofValidation: boolean; readonly tag: (log: string) => string },
): Summary[] {
  return Object.entries(logs).flatMap(([log, value]) => {
    if (log.startsWith("val_") !== ofValidation) return [];
    const plain = log === "lr" ? "learning_rate" : log.replace(/^val_/, "");
    return [{ tag: tag(plain), value }];
  });
}
