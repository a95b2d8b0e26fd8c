/** @file What columns are gathered in: bytes that grow, and validity bits. */

import duckdb from "@duckdb/node-bindings";

/** Bytes that grow by doubling, and begin as large as they were when last taken. */
export class Bytes {
  array = new Uint8Array(0);
  length = 0;
  #lastLength = 0;

  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.array.length) return;
    const doubled = Math.min(this.array.length * 2, this.array.length + (1 << 26));
    const grown = new Uint8Array(Math.max(needed, doubled, this.length === 0 ? this.#lastLength : 0));
    grown.set(this.array.subarray(0, this.length));
    this.array = grown;
  }

  add(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.array.set(bytes, this.length);
    this.length += bytes.length;
  }

  take(): Uint8Array {
    const taken = this.array.subarray(0, this.length);
    this.#lastLength = this.length;
    this.array = new Uint8Array(0);
    this.length = 0;
    return taken;
  }
}

/** Validity bits; kept only once a null was seen. */
export class Validity {
  #bits: Uint8Array | undefined;
  #rows = 0;
  #nulls = 0;

  append(vector: duckdb.Vector, from: number, count: number): void {
    const mask = count === 0 ? null : duckdb.vector_get_validity(vector, Math.ceil((from + count) / 64) * 8);
    const at = this.#rows;
    this.#rows += count;
    if (!mask && this.#bits === undefined) return;
    this.#bits = grownBits(this.#bits, at, this.#rows);
    for (let i = 0; i < count; i++) {
      if (mask && !((mask[(from + i) >> 3]! >> ((from + i) & 7)) & 1)) this.#nulls++;
      else this.#bits[(at + i) >> 3]! |= 1 << ((at + i) & 7);
    }
  }

  take(): { length: number; nullCount: number; nullBitmap?: Uint8Array } {
    const taken =
      this.#bits === undefined || this.#nulls === 0
        ? { length: this.#rows, nullCount: 0 }
        : { length: this.#rows, nullCount: this.#nulls, nullBitmap: this.#bits.subarray(0, (this.#rows + 7) >> 3) };
    this.#bits = undefined;
    this.#rows = 0;
    this.#nulls = 0;
    return taken;
  }
}

function grownBits(bits: Uint8Array | undefined, rowsBefore: number, rows: number): Uint8Array {
  const needed = (rows + 7) >> 3;
  if (bits !== undefined && bits.length >= needed) return bits;
  const grown = new Uint8Array(Math.max(needed, (bits?.length ?? 0) * 2, 2048));
  if (bits !== undefined) grown.set(bits);
  else for (let row = 0; row < rowsBefore; row++) grown[row >> 3]! |= 1 << (row & 7);
  return grown;
}
