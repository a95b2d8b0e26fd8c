/** @file What a task sees of the pool thread it runs in. */

import type { TransferListItem } from "node:worker_threads";

import type { NativeGate } from "./gate.js";

/** Given to a task's function beside its message; one object per task. */
export interface ThreadContext {
  /** Number of the thread in its pool, from 0. */
  readonly index: number;
  /** Threads of the pool. */
  readonly poolSize: number;
  /** Threads that ONNX Runtime should use inside this one: cores / poolSize, at least 1. */
  readonly intraOpThreads: number;
  /** Aborted when the caller of the task gave up; seen whenever the task awaits something. */
  readonly signal: AbortSignal;
  /** Names buffers of the result to be moved to the caller, not copied. */
  transfer(...buffers: TransferListItem[]): void;
}

/** What a task's function looks like. */
export type TaskFunction<M = unknown, R = unknown> = (message: M, context: ThreadContext) => R | Promise<R>;

/** The pool thread this code runs in, for code that is not handed a ThreadContext. */
export interface PoolThread {
  readonly intraOpThreads: number;
  readonly gate: NativeGate;
  /** Shows a warning in the main thread, once per process however many threads say it. */
  warn(message: string): void;
}

let here: PoolThread | undefined;

/** The pool thread that runs this code; undefined in the main thread and in other workers. */
export function currentPoolThread(): PoolThread | undefined {
  return here;
}

/** For thread.ts only, once at its start. */
export function enterPoolThread(thread: PoolThread): void {
  here = thread;
}
