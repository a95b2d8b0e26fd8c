/** @file One thread of a pool, seen from its owner: starting, sending tasks, its last log lines, ending it safely. */

import { setFlagsFromString } from "node:v8";
import { type TransferListItem, Worker, type WorkerOptions } from "node:worker_threads";

import { NativeGate } from "./gate.js";
import type { ThreadData, ToMain, ToThread } from "./protocol.js";

/**
 * V8 thinks a thread that spends its time in native code idle, and marks its heap over and over for the sake of some MB of
 * tensors that came and went, on the cores that the tensors need: 6 to 12 % of the time of all. This lets threads that start
 * from now on have 64 MB before that begins.
 */
setFlagsFromString("--initial-old-space-size=64");

/** Log lines kept of each thread, for the error when it crashes. */
const keptLines = 20;

export interface ThreadEvents {
  message(message: Exclude<ToMain, { kind: "log" }>): void;
  /** The thread is gone; `error` is what crashed it. */
  gone(code: number, error: Error | undefined): void;
}

export class PoolThread {
  readonly index: number;
  /** Keys of tasks that ran here, see `Task.key`. */
  readonly keys = new Set<string>();
  readonly #worker: Worker;
  readonly #gate = new NativeGate();
  readonly #log: string[] = [];
  #unfinished = "";
  #error: Error | undefined;
  #keepsAlive = true;
  readonly #gone: Promise<void>;

  constructor(data: Omit<ThreadData, "gate">, events: ThreadEvents) {
    this.index = data.index;
    const workerData: ThreadData = { ...data, gate: this.#gate.shared };
    this.#worker = openWorker({ workerData, name: `deepframe-${data.index}` });
    this.#worker.on("message", (message: ToMain) => {
      if (message.kind === "log") this.#keep(message.text);
      else events.message(message);
    });
    this.#worker.on("error", (error: Error) => {
      this.#error = error;
    });
    this.#worker.on("messageerror", (error: Error) => {
      this.#error = error;
      this.send({ kind: "exit" });
    });
    const gate = this.#gate;
    const wait = () => gate.closeAndWait();
    process.once("exit", wait);
    this.#gone = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        process.off("exit", wait);
        events.gone(code, this.#error);
        resolve();
      });
    });
  }

  /** Last lines the thread wrote to stdout and stderr. */
  get log(): readonly string[] {
    return this.#log;
  }

  send(message: ToThread, transfer: readonly TransferListItem[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  /** Whether the thread keeps the process alive. */
  keepAlive(on: boolean): void {
    if (on === this.#keepsAlive) return;
    this.#keepsAlive = on;
    if (on) this.#worker.ref();
    else this.#worker.unref();
  }

  /**
   * Asks the thread to end, which it does as soon as its code gives it a turn. One that does not within `grace` ms is
   * ended by force, unless native code runs in it. Resolves when it is gone.
   */
  end(grace: number): Promise<void> {
    this.send({ kind: "exit" });
    const timer = setTimeout(() => {
      if (this.#gate.close()) void this.#worker.terminate();
    }, grace);
    return this.#gone.finally(() => clearTimeout(timer));
  }

  #keep(text: string): void {
    const lines = (this.#unfinished + text).split("\n");
    this.#unfinished = lines.pop() ?? "";
    this.#log.push(...lines.filter((line) => line !== ""));
    this.#log.splice(0, Math.max(0, this.#log.length - keptLines));
  }
}

/** A thread with the process's own flags, without `--input-type`, which node refuses together with a file. */
function openWorker(options: WorkerOptions): Worker {
  const entry = new URL("./thread.js", import.meta.url);
  const flags = process.execArgv;
  const kept = flags.filter((flag, i) => !flag.startsWith("--input-type") && flags[i - 1] !== "--input-type");
  // node hands its flags down unless some are named, and refuses to name those of the whole process (--expose-gc)
  if (kept.length === flags.length) return new Worker(entry, options);
  try {
    return new Worker(entry, { ...options, execArgv: kept });
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== "ERR_WORKER_INVALID_EXEC_ARGV") throw error;
    return new Worker(entry, { ...options, execArgv: [] });
  }
}
