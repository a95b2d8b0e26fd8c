/** @file Spark's random numbers: XORShiftRandom, so that a seed means the same there and here. */

/** 64 bits as two words. */
interface Word64 {
  hi: number;
  lo: number;
}

/**
 * Numbers from 0 to below 1, the very ones that `new XORShiftRandom(seed).nextDouble` gives in Spark.
 *
 * @param seed a whole number
 * @example const random = xorshift(123); random(); // 0.1580…
 */
export function xorshift(seed: number): () => number {
  const state = hashSeed(seed);
  const next = (bits: number): number => {
    // x ^= x << 21; x ^= x >>> 35; x ^= x << 4
    let { hi, lo } = state;
    hi ^= (hi << 21) | (lo >>> 11);
    lo ^= lo << 21;
    lo ^= hi >>> 3;
    hi ^= (hi << 4) | (lo >>> 28);
    lo ^= lo << 4;
    state.hi = hi;
    state.lo = lo;
    return lo & (2 ** bits - 1);
  };
  return () => {
    const high = next(26);
    return (high * 2 ** 27 + next(27)) / 2 ** 53;
  };
}

function hashSeed(seed: number): Word64 {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigInt64(0, BigInt(seed));
  const lo = murmur(bytes, 0x3c074a61);
  return { hi: murmur(bytes, lo), lo };
}

/** MurmurHash3 (32 bits) of whole words. */
function murmur(bytes: DataView, seed: number): number {
  let hash = seed;
  for (let at = 0; at < bytes.byteLength; at += 4) {
    let word = Math.imul(bytes.getInt32(at, true), 0xcc9e2d51);
    word = Math.imul((word << 15) | (word >>> 17), 0x1b873593);
    hash ^= word;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash ^= bytes.byteLength;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
