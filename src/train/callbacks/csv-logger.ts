/** @file CSVLogger: a line per epoch. */

import { boolean, text } from "../../util/params.js";
import { defineCallback, withState } from "./define.js";
import { LogFile } from "./log-file.js";

interface State {
  /** Columns after the epoch; undefined before the first line. */
  columns?: readonly string[];
  /** Length of the file; undefined before the run begins. */
  bytes?: number;
}

/**
 * Writes the logs of each epoch as a line of a CSV file, columns in alphabetical order, as Keras's CSVLogger. Epochs count
 * from 0. A resumed run goes on where its checkpoint was.
 *
 * @example callbacks.csvLogger("runs/log.csv")
 */
export const csvLogger = defineCallback(
  "CSVLogger",
  {
    path: text("file to write"),
    separator: text("what stands between values", { default: "," }),
    append: boolean("whether lines are added to a file that is there", { default: false }),
  },
  ({ path, separator, append }, name) => {
    const file = new LogFile(path, name);
    return withState<State>(
      () => ({}),
      (state) => ({
        name,
        async onTrainBegin() {
          const now = state();
          await file.open(now.bytes ?? (append ? undefined : 0));
          now.bytes = file.bytes;
        },
        async onEpochEnd(epoch, logs) {
          const now = state();
          const hadHead = now.columns !== undefined || now.bytes! > 0;
          now.columns ??= Object.keys(logs).sort();
          if (!hadHead) await file.write(`${["epoch", ...now.columns].join(separator)}\n`);
          const values = now.columns.map((column) => logs[column] ?? "");
          await file.write(`${[epoch, ...values].join(separator)}\n`);
          now.bytes = file.bytes;
        },
        onTrainEnd: () => file.close(),
      }),
    );
  },
  "path",
);
