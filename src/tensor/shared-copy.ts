/** @file Numbers copied or moved to shared memory, which all threads read, a piece at a time. */

import type { Turns } from "../util/turns.js";
import type { DataOf, DType } from "./dtype.js";

/** Bytes copied before the event loop may get a turn. */
const pieceBytes = 2 ** 20;

type Numbers = Exclude<DataOf[DType], string[]>;

/** The numbers in shared memory; the same array where they lie there already. */
export async function sharedCopy<A extends Numbers>(numbers: A, turns: Turns): Promise<A> {
  return copied(numbers, turns, () => {});
}

/** The numbers in shared memory; where their buffer can shrink, it gives its memory back as they are copied. */
export async function sharedMove<A extends Numbers>(numbers: A, turns: Turns): Promise<A> {
  const { buffer, byteOffset } = numbers;
  return copied(numbers, turns, (left) => {
    if (buffer instanceof ArrayBuffer && buffer.resizable) buffer.resize(byteOffset + left);
  });
}

/** @param release told how many bytes are left to be copied */
async function copied<A extends Numbers>(numbers: A, turns: Turns, release: (left: number) => void): Promise<A> {
  const { buffer, byteOffset, byteLength } = numbers;
  if (buffer instanceof SharedArrayBuffer) return numbers;
  const shared = new SharedArrayBuffer(byteLength);
  const copy = new Uint8Array(shared);
  // from the end, where a buffer shrinks
  for (let to = byteLength; to > 0; to -= pieceBytes) {
    await turns.give();
    const from = Math.max(0, to - pieceBytes);
    copy.set(new Uint8Array(buffer, byteOffset + from, to - from), from);
    release(from);
  }
  const Same = numbers.constructor as new (buffer: SharedArrayBuffer) => A;
  return new Same(shared);
}
