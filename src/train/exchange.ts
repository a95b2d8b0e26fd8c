/** @file Exchange: where the threads that share steps hand numbers over, and wait for each other's. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { EngineError } from "../errors.js";

const arrived = 0;
const broken = 1;

/** Looks at the counter before a thread sleeps: waking up costs more than most waits. */
const spins = 20_000;

/** Milliseconds of sleep after which the thread hears its messages, and sees whether the others are still there. */
const sleepTime = 50;

/** What crosses between threads. */
export interface SharedExchange {
  readonly numbers: SharedArrayBuffer;
  readonly width: number;
  readonly shards: number;
}

/** Numbers for `shards` threads, `width` of each, twice: a thread may write its next ones while another still reads the last. */
export function newExchange(shards: number, width: number): SharedExchange {
  return { numbers: new SharedArrayBuffer(2 * shards * width * 4), width, shards };
}

/** The counters of one call of steps. */
export function newMeeting(): SharedArrayBuffer {
  return new SharedArrayBuffer(8);
}

/** Frees everyone who waits: one of them cannot come. */
export function breakUp(meeting: SharedArrayBuffer): void {
  const flags = new Int32Array(meeting);
  Atomics.store(flags, broken, 1);
  Atomics.notify(flags, arrived);
}

/** A thread's side of it, for one call of steps, in which all threads swap the same number of times. */
export class Exchange {
  readonly #shared: SharedExchange;
  readonly #shard: number;
  readonly #flags: Int32Array;
  #swaps = 0;

  constructor(shared: SharedExchange, meeting: SharedArrayBuffer, shard: number) {
    this.#shared = shared;
    this.#shard = shard;
    this.#flags = new Int32Array(meeting);
  }

  /**
   * Hands over this thread's numbers, which `write` puts in their place, and gives those of all threads, good until it swaps
   * again.
   *
   * @throws EngineError where a thread cannot come
   */
  async swap(write: (own: Float32Array) => void): Promise<readonly Float32Array[]> {
    const { numbers, width, shards } = this.#shared;
    const half = this.#swaps % 2;
    const all = Array.from({ length: shards }, (_, i) => {
      return new Float32Array(numbers, (half * shards + i) * width * 4, width);
    });
    write(all[this.#shard]!);
    this.#swaps++;
    await this.#meet(this.#swaps * shards);
    return all;
  }

  async #meet(everyone: number): Promise<void> {
    const flags = this.#flags;
    if (Atomics.add(flags, arrived, 1) + 1 === everyone) Atomics.notify(flags, arrived);
    for (let i = 0; i < spins && Atomics.load(flags, arrived) < everyone; i++);
    for (let count = Atomics.load(flags, arrived); count < everyone; count = Atomics.load(flags, arrived)) {
      if (Atomics.load(flags, broken) === 1) {
        throw new EngineError("training", "a thread that shares its steps has failed", { code: "PEER_FAILED" });
      }
      if (Atomics.wait(flags, arrived, count, sleepTime) === "timed-out") await nextTurn();
    }
  }
}
