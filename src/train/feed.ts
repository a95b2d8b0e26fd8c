/** @file Feed: gives the training thread its rows block by block, and reads the next block meanwhile. */

import type { Engine } from "./engine.js";
import { type Block, blocksOf } from "./epoch-plan.js";
import type { Rows } from "./resident-rows.js";
import type { RowStore } from "./row-store.js";
import type { SetName } from "./thread-state.js";

/** Bytes of rows that the training thread holds at once where not all of them fit. */
const blockBytes = 64 * 2 ** 20;

export interface FeedOptions {
  readonly set: SetName;
  readonly store: RowStore;
  readonly engine: Engine;
  /** Rows of one step. */
  readonly stepRows: number;
  readonly shuffle: boolean;
  readonly seed: number;
  /** Epochs of the run; 1 where one is fed over and over, now and then. */
  readonly epochs: number;
}

export class Feed {
  readonly #options: FeedOptions;
  #isWholeLoaded = false;
  #next: { readonly key: string; readonly rows: Promise<Rows> } | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** The blocks of an epoch. */
  blocks(epoch: number): Block[] {
    const { store, stepRows, shuffle, seed } = this.#options;
    const blockRows = store.isResident
      ? Number.POSITIVE_INFINITY
      : Math.max(1, Math.floor(blockBytes / store.rowBytes));
    return blocksOf(store.segments, { blockRows, stepRows, shuffle, seed, epoch });
  }

  /** Loads a block of an epoch unless it is there, and begins to read the one after it. */
  async load(epoch: number, blocks: readonly Block[], number: number): Promise<void> {
    const { store, engine, set } = this.#options;
    if (this.#isWholeLoaded) return;
    const isNext = this.#next?.key === `${epoch} ${number}`;
    const rows = store.isResident
      ? store.take()
      : await (isNext ? this.#next!.rows : store.read(blocks[number]!.pieces));
    await engine.load(set, rows);
    this.#isWholeLoaded = blocks.length === 1;
    if (this.#isWholeLoaded) return;
    if (number + 1 < blocks.length) this.#read(epoch, number + 1, blocks);
    else if (epoch + 1 < this.#options.epochs) this.#read(epoch + 1, 0, this.blocks(epoch + 1));
  }

  #read(epoch: number, number: number, blocks: readonly Block[]): void {
    const reading = this.#options.store.read(blocks[number]!.pieces);
    // a failure is told when its turn comes
    reading.catch(() => {});
    this.#next = { key: `${epoch} ${number}`, rows: reading };
  }
}
