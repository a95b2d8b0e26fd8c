/** @file Crew: the threads of a training run: one of the shared pool, or several of its own that share its steps. */

import { Pool } from "../runtime/pool.js";
import { sharedPool } from "../runtime/shared-pool.js";
import { breakUp } from "./exchange.js";

const thread = new URL("./thread.js", import.meta.url);
const sharing = new URL("./shared-thread.js", import.meta.url);

export class Crew {
  readonly #id: string;
  /** Threads of its own, each a pool of one, so that each message finds the thread it is for. */
  readonly #own: readonly Pool[];

  /** @param id of the run @param size number of threads */
  constructor(id: string, size: number) {
    this.#id = id;
    this.#own = size > 1 ? Array.from({ length: size }, () => new Pool({ size: 1 })) : [];
  }

  /** A task of thread.ts in the first thread. */
  run<R>(exported: string, message: unknown, transfer: ArrayBuffer[] = []): Promise<R> {
    const task = { module: thread, export: exported, message };
    // what an abort cuts off would be trained in the thread and not known here: whoever aborts waits for the steps under way
    const [first = sharedPool()] = this.#own;
    return first.run<R>({ ...task, transfer, key: this.#id, replicas: 1 });
  }

  /** The same in all threads; the message may differ by the thread's number. */
  async runAll(exported: string, messageOf: (number: number) => unknown): Promise<void> {
    if (this.#own.length === 0) return this.run(exported, messageOf(0));
    const tasks = this.#own.map((pool, i) => pool.run({ module: thread, export: exported, message: messageOf(i) }));
    await Promise.all(tasks);
  }

  /** A task of shared-thread.ts in the first thread. */
  runSharing<R>(exported: string, message: unknown): Promise<R> {
    return this.#own[0]!.run<R>({ module: sharing, export: exported, message });
  }

  /** A task of shared-thread.ts that all threads do together; the first one's result. Where one fails, all end. */
  async together<R>(exported: string, message: { readonly meeting: SharedArrayBuffer }): Promise<R> {
    const task = { module: sharing, export: exported, message };
    const results = await Promise.allSettled(
      this.#own.map((pool) =>
        pool.run<R>(task).catch((error) => {
          breakUp(message.meeting);
          throw error;
        }),
      ),
    );
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    if (failures.length > 0) throw failures.find(({ code }) => code !== "PEER_FAILED") ?? failures[0];
    return (results[0] as PromiseFulfilledResult<R>).value;
  }

  /** Lets go of what the threads hold. */
  async close(): Promise<void> {
    if (this.#own.length === 0) sharedPool().forget(this.#id, { module: thread, export: "close", message: this.#id });
    await Promise.all(this.#own.map((pool) => pool.close()));
  }
}
