/** @file Scratch: room for decoded pictures, used again and again. */

/** Pictures of a set are of like size; fresh room for each would keep the garbage collector busy (3 % of the time). */
export class Scratch {
  readonly #free: ArrayBuffer[] = [];
  readonly #lent = new WeakSet<ArrayBufferLike>();

  /** Room for `length` bytes, which hold anything. */
  take(length: number): Uint8Array {
    const at = this.#free.findIndex(({ byteLength }) => byteLength >= length);
    const [found] = at < 0 ? [] : this.#free.splice(at, 1);
    const buffer = found ?? new ArrayBuffer(Math.ceil(length / grain) * grain);
    this.#lent.add(buffer);
    return new Uint8Array(buffer, 0, length);
  }

  /** Takes back what `take` gave and nobody uses any more; bytes from elsewhere are left alone. */
  give({ buffer }: Uint8Array): void {
    if (!this.#lent.delete(buffer) || !(buffer instanceof ArrayBuffer)) return;
    if (buffer.byteLength <= largest && this.#free.length < most) this.#free.push(buffer);
  }
}

const grain = 2 ** 18;
const largest = 2 ** 24;
const most = 6;
