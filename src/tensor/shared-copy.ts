/** @file Copies in shared memory, which all threads read, made a piece at a time. */

import type { Turns } from "../util/turns.js";
import type { DataOf, DType } from "./dtype.js";

/** Bytes copied before the event loop may get a turn. */
const pieceBytes = 2 ** 20;

/** The numbers in shared memory; the same array where they lie there already. */
export async function sharedCopy<A extends Exclude<DataOf[DType], string[]>>(numbers: A, turns: Turns): Promise<A> {
  const { buffer, byteOffset, byteLength } = numbers;
  if (buffer instanceof SharedArrayBuffer) return numbers;
  const shared = new SharedArrayBuffer(byteLength);
  const copy = new Uint8Array(shared);
  for (let from = 0; from < byteLength; from += pieceBytes) {
    await turns.give();
    copy.set(new Uint8Array(buffer, byteOffset + from, Math.min(pieceBytes, byteLength - from)), from);
  }
  const Same = numbers.constructor as new (buffer: SharedArrayBuffer) => A;
  return new Same(shared);
}
