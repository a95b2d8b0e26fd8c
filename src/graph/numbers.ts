/** @file Whole numbers of files as JavaScript numbers. */

import { GraphError } from "../errors.js";

/**
 * A 64-bit whole number as a number.
 *
 * @throws GraphError beyond 2^53, where numbers stop being exact.
 */
export function wholeNumber(value: bigint, who: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number))
    throw new GraphError(who, `the number ${value} is too large to be a size or version`);
  return number;
}

/** A number where it is exact, else the bigint. */
export function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
