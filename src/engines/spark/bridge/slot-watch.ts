/** @file SlotWatch: ends a query for which no executor takes a task in time. */

import { EngineError } from "../../../errors.js";
import type { Response } from "../execute.js";

/** Spark tells of running tasks every other second: less than this is too soon to say that there are none. */
const soonest = 5000;

export class SlotWatch {
  /** To run the query with. */
  readonly signal: AbortSignal;
  readonly #begun: () => void;
  readonly #timer: NodeJS.Timeout;

  /**
   * @param slotTimeout milliseconds, 5,000 at least
   * @param begun is called when a task runs
   */
  constructor(slotTimeout: number, signal: AbortSignal | undefined, begun: () => void) {
    const stop = new AbortController();
    this.signal = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
    this.#timer = setTimeout(() => stop.abort(noSlots(slotTimeout)), Math.max(slotTimeout, soonest));
    this.#begun = begun;
  }

  hear(response: Response): void {
    if (response.case !== "executionProgress") return;
    const { stages, numInflightTasks } = response.value;
    if (numInflightTasks > 0n || stages.some(({ numCompletedTasks }) => numCompletedTasks > 0n)) this.begun();
  }

  begun(): void {
    this.end();
    this.#begun();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

export function noSlots(slotTimeout: number): EngineError {
  const message = `no executor took a task within ${slotTimeout / 1000} s: all slots are taken, or no executor could be started; see Spark's own page of the application, or pass a longer slotTimeout`;
  return new EngineError("Spark", message, { code: "NO_SLOTS" });
}
