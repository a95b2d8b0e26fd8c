/** @file A matrix with rows and columns changed places. */

import type { Turns } from "../util/turns.js";

/** Rows and columns of the squares that are copied one by one, so that what is read and what is written stay in the cache. */
const side = 32;

/** Writes the transpose of [rows, columns] `from` to `to`, in turns of the event loop. */
export async function transposeTo(
  to: Float32Array,
  from: Float32Array,
  [rows, columns]: readonly [number, number],
  turns: Turns,
): Promise<void> {
  for (let top = 0; top < rows; top += side) {
    await turns.give();
    const bottom = Math.min(top + side, rows);
    for (let left = 0; left < columns; left += side) {
      const right = Math.min(left + side, columns);
      for (let i = top; i < bottom; i++) {
        for (let j = left; j < right; j++) to[j * rows + i] = from[i * columns + j]!;
      }
    }
  }
}
