/** @file Exchange: where the threads that share a step put their gradients and statistics, and wait for each other's. */

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

/** Numbers for `shards` threads, `width` of each, twice: a thread may write those of a step while another still reads the last one's. */
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

export class Exchange {
  readonly #shared: SharedExchange;
  readonly #flags: Int32Array;

  constructor(shared: SharedExchange, meeting: SharedArrayBuffer) {
    this.#shared = shared;
    this.#flags = new Int32Array(meeting);
  }

  /** A thread's numbers of a step. */
  of(shard: number, step: number): Float32Array {
    const { numbers, width, shards } = this.#shared;
    return new Float32Array(numbers, ((step % 2) * shards + shard) * width * 4, width);
  }

  /** Says that this thread's numbers of step `step`, counted from 0, are there, and waits for those of all. @throws EngineError where one cannot come */
  async meet(step: number): Promise<void> {
    const flags = this.#flags;
    const everyone = (step + 1) * this.#shared.shards;
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
