/** @file EventsLog: `events.jsonl`, a line per report, for whoever wants to watch a run. */

import { messageOf } from "../../errors.js";
import { text } from "../../util/params.js";
import type { Logs, TrainingRun } from "../callback.js";
import { defineCallback, withState } from "./define.js";
import { LogFile } from "./log-file.js";

/** A line of `events.jsonl`. Numbers that are not finite are null, as in all JSON. */
export interface RunEvent {
  readonly event: "begin" | "resume" | "progress" | "validation" | "epoch" | "end";
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Epochs and steps done. */
  readonly epoch: number;
  readonly step: number;
  /** Logs of the epoch: so far with "progress" and "validation", of the whole with "epoch". */
  readonly logs?: Logs;
  /** Sizes of the run, at its beginning. */
  readonly run?: Pick<TrainingRun, "epochs" | "steps" | "samples" | "batchSize">;
  /** Why it ended before its time. */
  readonly stopped?: string;
  readonly error?: string;
}

/**
 * Writes a line of JSON at the beginning, several times a second, after each epoch and at the end. A new run begins the file anew, a
 * resumed one adds to it.
 *
 * @example callbacks.eventsLog("runs/events.jsonl")
 */
export const eventsLog = defineCallback(
  "EventsLog",
  { path: text("file to write", { default: "events.jsonl" }) },
  ({ path }, name) => {
    const file = new LogFile(path, name);
    const write = (event: RunEvent["event"], { epoch, step }: TrainingRun, more: Partial<RunEvent> = {}) =>
      file.write(`${JSON.stringify({ event, time: Date.now(), epoch, step, ...more } satisfies RunEvent)}\n`);
    return withState<{ isBegun: boolean }>(
      () => ({ isBegun: false }),
      (state) => ({
        name,
        async onTrainBegin(run) {
          const { isBegun } = state();
          await file.open(isBegun ? undefined : 0);
          state().isBegun = true;
          const { epochs, steps, samples, batchSize } = run;
          await write(isBegun ? "resume" : "begin", run, { run: { epochs, steps, samples, batchSize } });
        },
        onProgress: (logs, run) => write("progress", run, { logs }),
        onValidation: (logs, run) => write("validation", run, { logs }),
        onEpochEnd: (_epoch, logs, run) => write("epoch", run, { logs }),
        async onTrainEnd(run, error) {
          const failed = error === undefined ? {} : { error: messageOf(error) };
          await write("end", run, { ...(run.stopped === undefined ? {} : { stopped: run.stopped }), ...failed });
          await file.close();
        },
      }),
    );
  },
  "path",
);
