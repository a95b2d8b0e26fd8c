/** @file Progress on the terminal: one bar per task that redraws in place; plain lines where there is no terminal. */

import type { WriteStream } from "node:tty";
import type { Progress } from "../data/engine.js";
import { formatCount, formatTime } from "../util/format.js";

const redrawMs = 80;
const plainMs = 5000;

/** Draws what engines report. One task is drawn at a time; tasks within one that knows its end are not. */
export class ProgressBar {
  readonly #stream: Pick<WriteStream, "write" | "isTTY" | "columns">;
  readonly #begun = new Map<string, number>();
  #task: string | undefined;
  #last: Progress | undefined;
  #started = 0;
  #drawn = 0;

  constructor(stream: Pick<WriteStream, "write" | "isTTY" | "columns"> = process.stderr) {
    this.#stream = stream;
  }

  /** To be given as an engine's `onProgress`. */
  readonly update = (progress: Progress): void => {
    const now = performance.now();
    if (progress.done === 0 && !progress.finished) {
      // its time runs, but it is not drawn yet: another task may come first
      this.#begun.set(progress.task, now);
      return;
    }
    if (progress.task !== this.#task) {
      // queries of a fit, one per iteration on a cluster, are parts of what is drawn already
      if (this.#last?.total !== undefined) return;
      this.end();
      this.#task = progress.task;
      this.#started = this.#begun.get(progress.task) ?? now;
      this.#drawn = this.#stream.isTTY ? 0 : now;
    }
    this.#last = progress;
    if (progress.finished) this.end();
    else if (now - this.#drawn >= (this.#stream.isTTY ? redrawMs : plainMs)) this.#draw(now);
  };

  /** Writes the current task's last state and leaves the line; other output may follow. */
  end(): void {
    if (this.#last === undefined) return;
    this.#draw(performance.now());
    if (this.#stream.isTTY) this.#stream.write("\n");
    this.#task = undefined;
    this.#last = undefined;
  }

  #draw(now: number): void {
    this.#drawn = now;
    const line = describe(this.#last!, (now - this.#started) / 1000);
    if (this.#stream.isTTY)
      this.#stream.write(`\r${line.slice(0, Math.max(20, (this.#stream.columns ?? 80) - 1))}\x1b[K`);
    else this.#stream.write(`${line}\n`);
  }
}

function describe({ task, done, total, unit, finished }: Progress, seconds: number): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const speed = `${formatCount(Number(rate.toPrecision(3)))} ${unit}/s`;
  const name = task.padEnd(24);
  if (total === undefined || total === 0)
    return `${name} ${formatCount(done)} ${unit}  ${formatTime(seconds)}  ${speed}`;
  // a fit may be done before the iterations that it was allowed
  const fraction = finished ? 1 : Math.min(1, done / total);
  const count = finished && done < total ? formatCount(done) : `${formatCount(done)}/${formatCount(total)}`;
  const bar = "█".repeat(Math.round(fraction * 20)).padEnd(20, "░");
  const left = fraction < 1 && rate > 0 ? `${formatTime((total - done) / rate)} left` : formatTime(seconds);
  return `${name} ${bar} ${count} ${unit}  ${left}  ${speed}`;
}
