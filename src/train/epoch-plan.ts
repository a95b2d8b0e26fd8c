/** @file The plan of an epoch: which rows are loaded together, in which order, as a function of the seed and the epoch. */

import { Random, upTo } from "../util/random.js";
import type { Piece } from "./row-store.js";

/** Rows that are in memory together. */
export interface Block {
  readonly pieces: readonly Piece[];
  readonly rows: number;
}

/**
 * The blocks of an epoch, each of about `blockRows` rows and, but for the last, of whole steps. Segments are drawn from all
 * over the data, so that a block of sorted data is mixed too; the rows of a block are shuffled when it is trained on.
 */
export function blocksOf(
  segments: readonly number[],
  {
    blockRows,
    stepRows,
    shuffle,
    seed,
    epoch,
  }: {
    readonly blockRows: number;
    /** Rows of one step. */
    readonly stepRows: number;
    readonly shuffle: boolean;
    readonly seed: number;
    readonly epoch: number;
  },
): Block[] {
  const size = Math.max(stepRows, Math.floor(blockRows / stepRows) * stepRows);
  const total = segments.reduce((sum, rows) => sum + rows, 0);
  if (total <= blockRows) {
    return [{ pieces: segments.map((rows, segment) => ({ segment, from: 0, to: rows })), rows: total }];
  }
  const order = shuffle ? [...new Random(seed, `segments ${epoch}`).permutation(segments.length)] : segments.keys();
  const blocks: Block[] = [];
  let pieces: Piece[] = [];
  let room = size;
  for (const segment of order) {
    for (let from = 0; from < segments[segment]!; ) {
      const to = Math.min(segments[segment]!, from + room);
      pieces.push({ segment, from, to });
      room -= to - from;
      from = to;
      if (room === 0) {
        blocks.push({ pieces, rows: size });
        pieces = [];
        room = size;
      }
    }
  }
  if (pieces.length > 0) blocks.push({ pieces, rows: size - room });
  return blocks;
}

/** Where steps are: the first one's number, and its rows, in the order of a block of an epoch. */
export interface Place {
  readonly step: number;
  readonly epoch: number;
  readonly block: number;
  readonly from: number;
  readonly shuffle: boolean;
}

/** The order of a block's rows. */
export function orderOf(rows: number, shuffle: boolean, seed: number, epoch: number, block: number): Uint32Array {
  if (!shuffle) return upTo(rows);
  return new Random(seed, `rows ${epoch} ${block}`).permutation(rows);
}

/** Steps that read `rows` rows: whole ones, then what is left as one step of fewer batches and one smaller batch. */
export interface Run {
  /** Row of the block's order where it begins. */
  readonly from: number;
  readonly steps: number;
  readonly batches: number;
  readonly batchSize: number;
}

export function runsOf(rows: number, batchSize: number, batches: number): Run[] {
  const whole = Math.floor(rows / (batchSize * batches));
  const runs: Run[] = [{ from: 0, steps: whole, batches, batchSize }];
  let from = whole * batchSize * batches;
  const left = Math.floor((rows - from) / batchSize);
  if (left > 0) runs.push({ from, steps: 1, batches: left, batchSize });
  from += left * batchSize;
  if (from < rows) runs.push({ from, steps: 1, batches: 1, batchSize: rows - from });
  return runs.filter(({ steps }) => steps > 0);
}
