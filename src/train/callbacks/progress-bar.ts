/** @file ProgressBar: a run on the terminal: epoch, bar, logs, rows per second, time left. */

import type { WriteStream } from "node:tty";
import { expectOptions } from "../../data/expect.js";
import { formatCount, formatTime } from "../../util/format.js";
import type { Callback, Logs, TrainingRun } from "../callback.js";

export interface ProgressBarOptions {
  /** Where to; default stderr. */
  readonly stream?: Pick<WriteStream, "write"> & Partial<Pick<WriteStream, "isTTY" | "columns">>;
  /** Milliseconds between two lines where there is no terminal; there is one after each epoch anyway. Default 10,000. */
  readonly plainMs?: number;
}

const redrawMs = 80;
const barWidth = 20;

/**
 * Shows a run: one line per epoch, redrawn in place on a terminal. Time left is that of the whole run.
 *
 * @example callbacks.progressBar()
 */
export function progressBar(options: ProgressBarOptions = {}): Callback {
  expectOptions(options, "ProgressBar", ["stream", "plainMs"]);
  const { stream = process.stderr, plainMs = 10_000 } = options;
  const isTerminal = stream.isTTY === true;
  let [begun, epochBegun, drawn] = [0, 0, 0];
  // steps before this run began, or went on, and before the epoch did
  let [before, epochBefore] = [0, 0];

  const put = (line: string, isLast: boolean) => {
    if (!isTerminal) stream.write(`${line}\n`);
    else {
      const shown = isLast ? line : line.slice(0, Math.max(20, (stream.columns ?? 80) - 1));
      stream.write(`\r${shown}\x1b[K${isLast ? "\n" : ""}`);
    }
    drawn = performance.now();
  };

  return {
    name: "ProgressBar",
    onTrainBegin(run) {
      begun = performance.now();
      epochBegun = begun;
      drawn = isTerminal ? 0 : begun;
      before = run.step;
      epochBefore = run.step;
    },
    onEpochBegin(_epoch, run) {
      epochBegun = performance.now();
      epochBefore = run.step;
    },
    onProgress(logs, run) {
      const now = performance.now();
      if (now - drawn < (isTerminal ? redrawMs : plainMs)) return;
      const inEpoch = run.step - run.epoch * run.steps;
      const done = Math.min(run.samples, Math.round((inEpoch * run.samples) / run.steps));
      const full = Math.round((barWidth * done) / run.samples);
      const bar = "█".repeat(full).padEnd(barWidth, "░");
      const left = ((now - begun) / 1000 / (run.step - before)) * (run.epochs * run.steps - run.step);
      const speed = rate(run, run.step - epochBefore, now - epochBegun);
      const rows = `${formatCount(done)}/${formatCount(run.samples)}`;
      put([title(run.epoch, run), bar, rows, describe(logs), speed, `${formatTime(left)} left`].join("  "), false);
    },
    onEpochEnd(epoch, logs, run) {
      const spent = performance.now() - epochBegun;
      const speed = rate(run, run.step - epochBefore, spent);
      put([title(epoch, run), describe(logs), speed, formatTime(spent / 1000)].join("  "), true);
    },
    onTrainEnd(run, error) {
      const reason = error === undefined ? run.stopped : undefined;
      if (reason !== undefined) put(`Stopped: ${reason}`, true);
      // a failure is told on a line of its own
      else if (error !== undefined && isTerminal) stream.write("\n");
    },
  };
}

function title(epoch: number, { epochs }: TrainingRun): string {
  return `Epoch ${String(epoch + 1).padStart(String(epochs).length)}/${epochs}`;
}

function rate(run: TrainingRun, steps: number, ms: number): string {
  const rows = (steps * run.samples) / run.steps;
  return `${formatCount(Math.round(Number((rows / (ms / 1000)).toPrecision(3))))} samples/s`;
}

function describe(logs: Logs): string {
  return Object.entries(logs)
    .filter(([name]) => name !== "lr")
    .map(([name, value]) => `${name} ${short(value)}`)
    .join("  ");
}

/** Four digits: 0.1234, 12.34, 1.234e-5. */
function short(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || value === 0) return String(value);
  if (size < 1e-3 || size >= 1e5) return value.toExponential(3);
  return value.toFixed(Math.max(0, Math.min(4, 3 - Math.floor(Math.log10(size)))));
}
