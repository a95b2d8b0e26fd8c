/** @file The pool of worker threads: everything heavy runs here, so that the main thread never blocks. */

import { availableParallelism } from "node:os";

import { EngineError, messageOf, ParamError } from "../errors.js";
import { PoolThread } from "./pool-thread.js";
import type { ToMain } from "./protocol.js";
import { type Job, Submitted, type Task } from "./task.js";
import { unpackError } from "./wire-error.js";

export interface PoolOptions {
  /** Threads at most; they start when first needed. Default: the cores this process may use. */
  readonly size?: number;
  /** Tasks submitted and not done, at most; further ones wait in `submit`. Default: 2 per thread. */
  readonly maxTasks?: number;
  /** Bytes of such tasks, at most; a larger task goes alone. Default: 256 MiB. */
  readonly maxBytes?: number;
  /** Milliseconds that an aborted task has to stop before its thread is given up and replaced. Default: 5000. */
  readonly grace?: number;
}

/**
 * Threads that run exported functions, one task per thread at a time. A thread that crashes fails its own task only
 * and is replaced. Idle threads do not keep the process alive.
 *
 * @throws ParamError for limits that are not whole numbers of at least 1.
 * @example
 * const pool = new Pool({ size: 2 });
 * const sum = await pool.run<number>({ module: new URL("./sum.js", import.meta.url), export: "sum", message: [1, 2] });
 * await pool.close();
 */
export class Pool {
  readonly size: number;
  readonly #maxTasks: number;
  readonly #maxBytes: number;
  readonly #grace: number;
  readonly #threads: (PoolThread | undefined)[];
  readonly #running = new Map<PoolThread, Submitted>();
  /** Not yet admitted, then admitted and not yet running; both first in, first out. */
  readonly #waiting: Submitted[] = [];
  readonly #queue: Submitted[] = [];
  readonly #ending = new Set<Promise<void>>();
  #bytes = 0;
  #tasks = 0;
  #lastId = 0;
  #closed = false;

  constructor(options: PoolOptions = {}) {
    this.size = atLeastOne("size", options.size ?? availableParallelism());
    this.#maxTasks = atLeastOne("maxTasks", options.maxTasks ?? 2 * this.size);
    this.#maxBytes = atLeastOne("maxBytes", options.maxBytes ?? 256 * 2 ** 20);
    this.#grace = atLeastOne("grace", options.grace ?? 5000);
    this.#threads = new Array(this.size).fill(undefined);
  }

  /** Tasks and bytes taken in and not done. */
  get load(): { readonly tasks: number; readonly bytes: number; readonly threads: number } {
    return { tasks: this.#tasks, bytes: this.#bytes, threads: this.#threads.filter(Boolean).length };
  }

  /**
   * Waits until the pool has room for the task, then resolves; the result comes later. So a producer that awaits
   * `submit` never has more than the pool's limits in memory.
   *
   * @throws EngineError once the pool is closed; the signal's reason when it aborts before there is room.
   */
  submit<R>(task: Task, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Job<R>> {
    if (this.#closed) return Promise.reject(closedError());
    if (signal?.aborted) return Promise.reject(signal.reason);
    const submitted = new Submitted(++this.#lastId, task, signal, (aborted) => this.#abort(aborted));
    this.#waiting.push(submitted);
    this.#schedule();
    return submitted.job as Promise<Job<R>>;
  }

  /** `submit`, then the result. */
  async run<R>(task: Task, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<R> {
    const job = await this.submit<R>(task, options);
    return job.result;
  }

  /**
   * Tells every thread that ran tasks of this key to run `task`, between its other tasks, so as to let go of what it
   * holds for them; nobody waits for it. The key is unknown afterwards.
   */
  forget(key: string, { module, export: exported, message }: Pick<Task, "module" | "export" | "message">): void {
    for (const thread of this.#threads) {
      if (thread?.keys.delete(key)) thread.send({ kind: "task", id: 0, module: module.href, exported, message });
    }
  }

  /** Refuses tasks from now on, fails those not done, ends the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of [...this.#waiting.splice(0), ...this.#queue.splice(0), ...this.#running.values()]) {
      this.#finish(entry, closedError());
    }
    for (const thread of this.#threads) if (thread) this.#end(thread);
    await Promise.all(this.#ending);
  }

  #schedule(): void {
    this.#admit();
    for (let i = 0; i < this.#queue.length; i++) {
      const entry = this.#queue[i]!;
      let thread: PoolThread | undefined;
      try {
        thread = this.#pick(entry.task);
      } catch (cause) {
        this.#queue.splice(i--, 1);
        this.#finish(entry, new EngineError("Pool", `cannot start a thread: ${messageOf(cause)}`, { cause }));
      }
      if (thread) {
        this.#queue.splice(i--, 1);
        this.#start(entry, thread);
      }
    }
    for (const thread of this.#threads) thread?.keepAlive(this.#running.has(thread));
  }

  #admit(): void {
    for (let entry = this.#waiting[0]; entry !== undefined; entry = this.#waiting[0]) {
      const bytes = entry.task.bytes ?? 0;
      if (this.#tasks > 0 && (this.#tasks >= this.#maxTasks || this.#bytes + bytes > this.#maxBytes)) return;
      this.#waiting.shift();
      this.#tasks++;
      this.#bytes += bytes;
      this.#queue.push(entry);
      entry.admit();
    }
  }

  /** An idle thread for the task: one that knows its key, else any, else a new one; undefined when it has to wait. */
  #pick({ key, replicas = this.size }: Task): PoolThread | undefined {
    const idle = this.#threads.filter((thread) => thread !== undefined && !this.#running.has(thread));
    if (key !== undefined) {
      const holder = idle.find((thread) => thread?.keys.has(key));
      if (holder) return holder;
      if (this.#threads.filter((thread) => thread?.keys.has(key)).length >= replicas) return undefined;
    }
    if (idle[0]) return idle[0];
    const free = this.#threads.indexOf(undefined);
    return free < 0 ? undefined : this.#open(free);
  }

  #open(index: number): PoolThread {
    const intraOpThreads = Math.max(1, Math.floor(availableParallelism() / this.size));
    const thread: PoolThread = new PoolThread(
      { index, poolSize: this.size, intraOpThreads },
      {
        message: (message) => this.#receive(thread, message),
        gone: (code, error) => this.#gone(thread, code, error),
      },
    );
    this.#threads[index] = thread;
    return thread;
  }

  #start(entry: Submitted, thread: PoolThread): void {
    const { id, task } = entry;
    this.#running.set(thread, entry);
    if (task.key !== undefined) thread.keys.add(task.key);
    try {
      const { href: module } = task.module;
      thread.send({ kind: "task", id, module, exported: task.export, message: task.message }, task.transfer);
    } catch (error) {
      this.#running.delete(thread);
      this.#finish(entry, error as Error);
    }
  }

  #receive(thread: PoolThread, message: Exclude<ToMain, { kind: "log" }>): void {
    if (message.kind === "warning") {
      warnOnce(message.message);
      return;
    }
    const entry = this.#running.get(thread);
    if (entry?.id !== message.id) return;
    this.#running.delete(thread);
    if (message.kind === "result") this.#finish(entry, undefined, message.value);
    else this.#finish(entry, unpackError(message.error));
    this.#schedule();
  }

  #gone(thread: PoolThread, code: number, error: Error | undefined): void {
    if (this.#threads[thread.index] === thread) this.#threads[thread.index] = undefined;
    const entry = this.#running.get(thread);
    this.#running.delete(thread);
    if (entry) this.#finish(entry, crashError(entry.task, thread, code, error));
    this.#schedule();
  }

  #abort(entry: Submitted): void {
    const reason = entry.signal?.reason as Error;
    const running = [...this.#running].find(([, other]) => other === entry);
    if (!running) {
      const list = entry.isAdmitted ? this.#queue : this.#waiting;
      list.splice(list.indexOf(entry), 1);
      this.#finish(entry, reason);
      this.#schedule();
      return;
    }
    // The caller need not wait; the task's room stays taken until its thread has let go of it
    const [thread] = running;
    entry.settle(reason);
    thread.send({ kind: "abort", id: entry.id });
    entry.graceTimer = setTimeout(() => {
      this.#running.delete(thread);
      this.#end(thread);
      this.#finish(entry, reason);
      this.#schedule();
    }, this.#grace);
  }

  #end(thread: PoolThread): void {
    this.#threads[thread.index] = undefined;
    this.#running.delete(thread);
    thread.keepAlive(false);
    const end = thread.end(this.#grace).finally(() => this.#ending.delete(end));
    this.#ending.add(end);
  }

  #finish(entry: Submitted, error: Error | undefined, value?: unknown): void {
    if (entry.isAdmitted) {
      this.#tasks--;
      this.#bytes -= entry.task.bytes ?? 0;
    }
    entry.end(error, value);
  }
}

const warned = new Set<string>();

function warnOnce(message: string): void {
  if (warned.has(message)) return;
  warned.add(message);
  process.emitWarning(message, { code: "DEEPFRAME" });
}

function crashError(task: Task, thread: PoolThread, code: number, error: Error | undefined): EngineError {
  const why = error ? `: ${error.message}` : "";
  const lines = thread.log.length > 0 ? `; its last lines:\n${thread.log.join("\n")}` : "";
  return new EngineError("Pool", `the thread running "${task.export}" ended with exit code ${code}${why}${lines}`, {
    code: "THREAD_CRASHED",
    cause: error,
    exitCode: code,
    log: thread.log,
  });
}

function closedError(): EngineError {
  return new EngineError("Pool", "closed; its tasks were not finished", { code: "POOL_CLOSED" });
}

function atLeastOne(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new ParamError("Pool", `${name} must be a whole number of at least 1, got ${value}`);
}
