/** @file Scratch: room for large bytes that are soon done with, such as decoded pictures, used again and again. */

/**
 * Bytes of like size, lent and given back. V8 goes through its whole heap for every 8 MiB of fresh ones, which took a tenth
 * of the time where a picture of a folder had six times its decoded size in fresh room.
 */
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
