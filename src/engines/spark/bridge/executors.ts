/** @file What a session knows of its executors: asked when it opens, told when the first stage needs it. */

import { EngineError } from "../../../errors.js";
import { unlessAborted } from "../../../util/unless-aborted.js";
import type { Depot } from "../depot.js";
import { type Executors, type ExecutorsProbe, probeExecutors } from "./probe-executors.js";
import { noSlots, SlotWatch } from "./slot-watch.js";

interface Asked {
  readonly answer: Promise<Executors>;
  readonly stop: AbortController;
}

export class ExecutorsOfSession {
  readonly #depot: Depot;
  readonly #shim: () => Promise<string>;
  readonly #run: ExecutorsProbe;
  readonly #slotTimeout: number;
  #found: Executors | undefined;
  /** Whether it is what an earlier session was told. */
  #isRemembered: boolean;
  /** Whether a stage relied on it, and whether a task has begun since. */
  #isUsed = false;
  #hasBegun = false;
  #asked: Asked | undefined;

  /**
   * Asks executors what they have while the program does something else, unless a session of the last hour or two did. What is
   * wrong is told to the first stage: a session that has none needs no Python on executors.
   *
   * @param shim sends the shim; gives the name of its Python module
   * @param slotTimeout milliseconds that a stage waits until an executor takes the task
   */
  constructor(depot: Depot, shim: () => Promise<string>, run: ExecutorsProbe, slotTimeout: number) {
    this.#depot = depot;
    this.#shim = shim;
    this.#run = run;
    this.#slotTimeout = slotTimeout;
    this.#found = depot.executors;
    this.#isRemembered = this.#found !== undefined;
    if (!this.#isRemembered) this.#ask();
  }

  /**
   * What executors have.
   *
   * @throws EngineError where something that we need is missing on them, or none takes the task in time.
   */
  async known(): Promise<Executors> {
    this.#isUsed = true;
    if (this.#found !== undefined) return this.#found;
    const asked = this.#asked ?? this.#ask();
    const timer = setTimeout(() => asked.stop.abort(noSlots(this.#slotTimeout)), this.#slotTimeout);
    try {
      return await asked.answer;
    } catch (error) {
      // the next stage asks anew
      if (this.#asked === asked) this.#asked = undefined;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** For a query with stages where nobody asked executors: ends it where none takes a task in time. */
  watch(signal: AbortSignal | undefined): SlotWatch | undefined {
    if (!this.#isRemembered || !this.#isUsed || this.#hasBegun) return undefined;
    return new SlotWatch(this.#slotTimeout, signal, () => {
      this.#hasBegun = true;
    });
  }

  /** A query failed: what an earlier session was told may hold no longer, and the next stage asks anew. */
  doubt(): void {
    if (!this.#isRemembered) return;
    this.#isRemembered = false;
    this.#found = undefined;
    this.#depot.note(undefined);
  }

  /** Asks no more. */
  async close(): Promise<void> {
    this.#asked?.stop.abort(new EngineError("Spark", "the session was closed", { code: "CLOSED" }));
    await this.#asked?.answer.catch(() => {});
  }

  #ask(): Asked {
    const stop = new AbortController();
    const answer = unlessAborted(this.#shim(), stop.signal).then((shim) =>
      probeExecutors(shim, this.#run, stop.signal),
    );
    this.#asked = { answer, stop };
    const keep = (found: Executors) => {
      this.#found = found;
      this.#depot.note(found);
    };
    // whoever waits for it hears of its failure
    answer.then(keep, () => {});
    return this.#asked;
  }
}
