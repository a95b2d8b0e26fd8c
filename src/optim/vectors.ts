/** @file Arithmetic on vectors of doubles. */

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Euclidean length. */
export function norm(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}

/** y += factor * x, in place. */
export function axpy(factor: number, x: Float64Array, y: Float64Array): void {
  for (let i = 0; i < y.length; i++) y[i]! += factor * x[i]!;
}

/** a + factor * b. (Loops: `map` with a function takes five times as long.) */
export function plus(a: Float64Array, factor: number, b: Float64Array): Float64Array {
  const sum = new Float64Array(a.length);
  for (let i = 0; i < sum.length; i++) sum[i] = a[i]! + factor * b[i]!;
  return sum;
}

/** factor * x. */
export function times(factor: number, x: Float64Array): Float64Array {
  const product = new Float64Array(x.length);
  for (let i = 0; i < product.length; i++) product[i] = factor * x[i]!;
  return product;
}
