/** @file BlockStore: blocks kept for many passes, in shared memory up to a budget and in an unnamed file beyond it. */

import type { Who } from "../../errors.js";
import { readSpilled, type Spilled, SpillFile } from "../../util/spill-file.js";
import { type Block, bytesOf, type FeatureType, featureTypeOf, type Matrices } from "./block.js";

/** A block in the file: features, labels and weights one after the other. */
export interface FiledBlock extends Spilled {
  readonly rows: number;
  readonly width: number;
  readonly type: FeatureType;
}

export type StoredBlock = Block | FiledBlock;

/** Takes blocks in, gives them to any number of readers. Close it when done: what is in the file is gone then. */
export class BlockStore {
  readonly blocks: StoredBlock[] = [];
  readonly #budget: number;
  readonly #spilled: SpillFile;
  #bytes = 0;

  /** @param budget bytes kept in memory at most */
  constructor(budget: number, who: Who) {
    this.#budget = budget;
    this.#spilled = new SpillFile(who);
  }

  /** Whether all blocks are in memory. */
  get resident(): boolean {
    return this.#spilled.isEmpty;
  }

  /** @throws EngineError where the disk does not take it. */
  async add(block: Block): Promise<void> {
    this.#bytes += bytesOf(block);
    if (this.#bytes <= this.#budget) {
      this.blocks.push(block);
      return;
    }
    const { rows, width, features, labels, weights } = block;
    const place = await this.#spilled.append([features, labels, weights]);
    this.blocks.push({ ...place, rows, width, type: featureTypeOf(block) });
  }

  async close(): Promise<void> {
    this.blocks.length = 0;
    await this.#spilled.close();
  }
}

/** The block's matrices; from the file in any thread of the process. */
export async function readBlock(stored: StoredBlock): Promise<Matrices> {
  if (!("file" in stored)) return stored;
  const { rows, width, type } = stored;
  const size = rows * width * (type === "float32" ? 4 : 8);
  const bytes = await readSpilled(stored, size + 16 * rows, "BlockStore");
  // doubles begin at multiples of 8 bytes
  const labels = new Float64Array(bytes.slice(size).buffer);
  return {
    features:
      type === "float32"
        ? new Float32Array(bytes.buffer, 0, rows * width)
        : new Float64Array(bytes.buffer, 0, rows * width),
    labels: labels.subarray(0, rows),
    weights: labels.subarray(rows),
  };
}
