/** @file Cholesky: solves systems of linear equations whose matrix is symmetric and positive definite. */

import { setImmediate } from "node:timers/promises";

/** Multiplications between pauses for other work of the thread: a few milliseconds. */
const pause = 4_000_000;

/**
 * The lower triangle L with L Lᵀ = A; undefined where A is not positive definite beyond rounding.
 *
 * @param a [n, n] row by row; only its lower triangle is read
 */
export async function cholesky(a: Float64Array, n: number): Promise<Float64Array | undefined> {
  const l = new Float64Array(n * n);
  let work = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= l[i * n + k]! * l[j * n + k]!;
      if (i > j) l[i * n + j] = sum / l[j * n + j]!;
      else if (sum > 1e-10 * Math.abs(a[i * n + i]!)) l[i * n + i] = Math.sqrt(sum);
      else return undefined;
    }
    work += (i * i) / 2;
    if (work < pause) continue;
    work = 0;
    await setImmediate();
  }
  return l;
}

/** The x with L Lᵀ x = b. */
export function solveCholesky(l: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  const x = b.slice();
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= l[i * n + k]! * x[k]!;
    x[i]! /= l[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= l[k * n + i]! * x[k]!;
    x[i]! /= l[i * n + i]!;
  }
  return x;
}
