/** @file BatchRoom: memory that a batch needs on its way through a chain, used again for the next one. */

import { Scratch } from "../util/scratch.js";

export class BatchRoom {
  readonly #scratch = new Scratch();
  #taken: Uint8Array[] = [];
  #running = 0;

  /** Room for `length` bytes, which hold anything. */
  take(length: number): Uint8Array {
    const room = this.#scratch.take(length);
    this.#taken.push(room);
    return room;
  }

  /**
   * Runs a batch. What it took is free again afterwards, less the buffers that `leaving` says go elsewhere.
   *
   * A batch that fails may still be worked on, so what it took is left to the garbage collector.
   */
  async during<T>(run: () => Promise<T>, leaving: (result: T) => readonly ArrayBufferLike[]): Promise<T> {
    this.#running++;
    try {
      const result = await run();
      const gone = new Set(leaving(result));
      this.#taken = this.#taken.filter(({ buffer }) => !gone.has(buffer));
      // an aborted batch may be under way beside this one
      if (this.#running === 1) for (const room of this.#taken.splice(0)) this.#scratch.give(room);
      return result;
    } catch (error) {
      this.#taken = [];
      throw error;
    } finally {
      this.#running--;
    }
  }
}
