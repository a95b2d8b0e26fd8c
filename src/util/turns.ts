/** @file Turns: work on the main thread in pieces, between which the event loop gets its turn. */

import { setImmediate as nextTurn } from "node:timers/promises";

/** Milliseconds of work before the event loop gets a turn. */
const most = 4;

/** The turns of one piece of work after another. */
export class Turns {
  #since = performance.now();

  /** Waits for a turn of the event loop where the last one was a while ago; to be called after each small piece. */
  async give(): Promise<void> {
    if (performance.now() - this.#since < most) return;
    await nextTurn();
    this.#since = performance.now();
  }
}
