/** @file ModelCheckpoint: files of a run on its way: all of them, the last few, or the best. */

import { rm } from "node:fs/promises";
import { ParamError } from "../../errors.js";
import { boolean, integer, optional, text } from "../../util/params.js";
import { writeWhole } from "../../util/write-whole.js";
import type { Logs, TrainingRun } from "../callback.js";
import { defineCallback, withState } from "./define.js";
import { fillPath, hasPlaceholders } from "./fill-path.js";
import { cannotWrite } from "./log-file.js";
import { isBetter, lookingEvery, monitored, watched } from "./monitor.js";

interface State {
  best?: number;
  /** Step of the last file. */
  step: number;
  /** Files that `keepLast` may delete. */
  files: string[];
}

/**
 * Saves the run after epochs, every so many steps, or at validations within epochs with `interval: "validation"`. Paths that end in `.onnx` hold the model, others a checkpoint from which
 * a run goes on. Files are written aside and then take their name, so that none is ever half there.
 *
 * In `path`, `{epoch}` (from 1), `{step}` and the logs are filled in: `{epoch:03}`, `{val_loss:.4}`.
 *
 * @example callbacks.modelCheckpoint({ path: "runs/{epoch:03}-{val_loss:.3}.ckpt", keepLast: 3 })
 * @example callbacks.modelCheckpoint({ path: "best.onnx", saveBestOnly: true })
 * @example callbacks.modelCheckpoint({ path: "best.onnx", saveBestOnly: true, interval: "validation" }) // and validateEverySteps: 500
 */
export const modelCheckpoint = defineCallback(
  "ModelCheckpoint",
  {
    path: text("file to write, with placeholders such as {epoch}"),
    ...monitored,
    saveBestOnly: boolean("whether only what is the best so far is saved", { default: false }),
    keepLast: optional(integer("how many files are kept; older ones are deleted", { min: 1 })),
    everyEpochs: integer("epochs between two files", { default: 1, min: 1 }),
    everySteps: optional(
      integer("steps between two files, instead of epochs; a file comes with the first report after them", { min: 1 }),
    ),
  },
  (params, name) => {
    const { path, saveBestOnly, keepLast, everyEpochs, everySteps, interval } = params;
    if (path === "") throw new ParamError(name, "path is empty; give a file's name", { param: "path" });
    if (saveBestOnly && everySteps !== undefined) {
      const message = `saveBestOnly goes by validations; set interval: "validation" instead of everySteps`;
      throw new ParamError(name, message, { param: "everySteps" });
    }
    if (interval === "validation" && (everySteps !== undefined || everyEpochs > 1)) {
      const which = everySteps === undefined ? "everyEpochs" : "everySteps";
      const message = `interval "validation" saves every validateEverySteps steps of the estimator; leave ${which} out`;
      throw new ParamError(name, message, { param: which });
    }
    if (keepLast !== undefined && !hasPlaceholders(path)) {
      throw new ParamError(name, "keepLast needs files of different names; put {epoch} or {step} into path", {
        param: "path",
      });
    }
    const save = async (state: State, run: TrainingRun, epoch: number, logs: Logs): Promise<void> => {
      const file = fillPath(name, path, { epoch: epoch + 1, step: run.step, ...logs });
      state.step = run.step;
      // the run's own state holds the list of files, this one among them
      const old = keepLast === undefined ? [] : [...state.files.filter((other) => other !== file), file];
      state.files = old.slice(-(keepLast ?? 1));
      const bytes = await (file.endsWith(".onnx") ? run.model() : run.checkpoint());
      await writeWhole(file, bytes).catch((cause) => {
        throw cannotWrite(name, file, cause);
      });
      for (const other of old.slice(0, -keepLast!)) await rm(other, { force: true });
    };
    return withState<State>(
      () => ({ step: 0, files: [] }),
      (state) => ({
        name,
        // after the others, whose states it saves
        isLast: true,
        ...lookingEvery(name, params, async ({ epoch }, logs, run) => {
          const now = state();
          if (everySteps !== undefined || (epoch + 1) % everyEpochs !== 0) return;
          if (saveBestOnly) {
            const value = watched(name, params, logs);
            if (!isBetter(params, run, { value, best: now.best })) return;
            now.best = value;
          }
          await save(now, run, epoch, logs);
        }),
        async onProgress(logs, run) {
          const now = state();
          if (everySteps === undefined || Math.floor(run.step / everySteps) <= Math.floor(now.step / everySteps))
            return;
          await save(now, run, run.epoch, logs);
        },
      }),
    );
  },
  "path",
);
