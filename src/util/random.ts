/** @file Random: seeded random numbers, the same on every machine. */

/**
 * Random numbers from a seed (xoshiro128++ by Blackman and Vigna, 2019, seeded by splitmix32). Streams of different names
 * under one seed are independent of each other, so that adding a layer does not change the others' weights.
 *
 * @example
 * const random = new Random(7, "dense/kernel");
 * random.uniform(); // at least 0, less than 1
 */
export class Random {
  readonly #state: Uint32Array;
  #spare: number | undefined;

  constructor(seed: number, stream = "") {
    let mixed = (seed ^ Math.floor(seed / 2 ** 32)) >>> 0;
    for (const char of stream) mixed = splitmix(mixed ^ char.codePointAt(0)!);
    this.#state = Uint32Array.from({ length: 4 }, () => {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      return splitmix(mixed);
    });
  }

  /** A whole number of 32 bits. */
  next(): number {
    const s = this.#state;
    const sum = (s[0]! + s[3]!) >>> 0;
    const result = (((sum << 7) | (sum >>> 25)) + s[0]!) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3]! = (s[3]! << 11) | (s[3]! >>> 21);
    return result;
  }

  /** At least 0, less than 1; a multiple of 2^-24, so that it is a float32 too. */
  uniform(): number {
    return (this.next() >>> 8) * 2 ** -24;
  }

  /** A whole number from 0 up to `below` (not included), each as likely. */
  below(below: number): number {
    // 53 bits: the bias is below one in 2^21 for any number of rows
    return Math.floor(((this.next() * 2 ** 21 + (this.next() >>> 11)) / 2 ** 53) * below);
  }

  /** Mean 0, variance 1 (the polar method of Marsaglia). */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const s = u * u + v * v;
      if (s === 0 || s >= 1) continue;
      const scale = Math.sqrt((-2 * Math.log(s)) / s);
      this.#spare = v * scale;
      return u * scale;
    }
  }

  /** The numbers 0 to `count - 1` in random order (Fisher and Yates). */
  permutation(count: number): Uint32Array {
    const order = upTo(count);
    for (let i = count - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = order[i]!;
      order[i] = order[j]!;
      order[j] = held;
    }
    return order;
  }
}

/** The numbers 0 to `count - 1`; by a loop, as `from` takes 40 ns an element. */
export function upTo(count: number): Uint32Array {
  const numbers = new Uint32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = i;
  return numbers;
}

function splitmix(x: number): number {
  let z = (x + 0x9e3779b9) >>> 0;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return (z ^ (z >>> 16)) >>> 0;
}
