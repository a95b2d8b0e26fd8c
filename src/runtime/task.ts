/** @file A task for the pool, and what the pool knows of one that was submitted: its promises, its signal, whether there is room. */

import type { TransferListItem } from "node:worker_threads";

/** A call of an exported function in a thread: `import(module)[export](message, context)`, see ThreadContext. */
export interface Task {
  readonly module: URL;
  readonly export: string;
  /** Anything that structured cloning takes. */
  readonly message: unknown;
  /** Buffers of the message that are moved, not copied; the caller's become empty. */
  readonly transfer?: readonly TransferListItem[];
  /** What the task holds in memory until it is done, counted against `maxBytes`. Default 0. */
  readonly bytes?: number;
  /** Tasks of one key prefer threads that ran this key before (they have the model loaded). */
  readonly key?: string;
  /** At most so many threads get tasks of this key. Default: all. */
  readonly replicas?: number;
}

/** A task that the pool has taken in. */
export interface Job<R> {
  /** The function's result, or its error as the class it was thrown as. */
  readonly result: Promise<R>;
}

/** A task that was submitted: it is admitted once there is room, which gives its job, and settled once it is done. */
export class Submitted {
  readonly id: number;
  readonly task: Task;
  readonly signal: AbortSignal | undefined;
  /** Resolves once the task is admitted. */
  readonly job: Promise<Job<unknown>>;
  /** Gives the thread up that does not stop. */
  graceTimer: NodeJS.Timeout | undefined;
  readonly #admission = promise<Job<unknown>>();
  readonly #result = promise<unknown>();
  readonly #onAbort: () => void;
  #isAdmitted = false;

  constructor(id: number, task: Task, signal: AbortSignal | undefined, onAbort: (aborted: Submitted) => void) {
    this.id = id;
    this.task = task;
    this.signal = signal;
    this.job = this.#admission.promise;
    this.#onAbort = () => onAbort(this);
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    // A caller may look at results in order; one that fails before its turn is not an unhandled rejection
    this.#result.promise.catch(() => {});
  }

  /** Counted among the pool's tasks and bytes. */
  get isAdmitted(): boolean {
    return this.#isAdmitted;
  }

  admit(): void {
    this.#isAdmitted = true;
    this.#admission.resolve({ result: this.#result.promise });
  }

  /** Tells the caller how it ended; the first time counts. */
  settle(error: Error | undefined, value?: unknown): void {
    if (error === undefined) this.#result.resolve(value);
    else if (this.#isAdmitted) this.#result.reject(error);
    else this.#admission.reject(error);
  }

  /** Settles it, and lets go of its signal and timer. */
  end(error: Error | undefined, value?: unknown): void {
    clearTimeout(this.graceTimer);
    this.signal?.removeEventListener("abort", this.#onAbort);
    this.settle(error, value);
  }
}

// Promise.withResolvers is younger than the oldest Node that is served
function promise<R>() {
  let resolve: (value: R) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<R>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
