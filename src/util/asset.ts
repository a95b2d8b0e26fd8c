/** @file Asset: bytes known by their sha256, such as the ONNX file of a trained model. */

import { createHash } from "node:crypto";

/**
 * Immutable bytes and their sha256. The bytes lie in shared memory, so that worker threads read them without a copy.
 *
 * @example
 * const asset = new Asset(await readFile("model.onnx"));
 * asset.sha256; // "9f86d0…"
 */
export class Asset {
  readonly bytes: Uint8Array;
  readonly sha256: string;

  /** @param sha256 where it is known already; it is not checked again. */
  constructor(bytes: Uint8Array, sha256?: string) {
    this.bytes = shared(bytes);
    this.sha256 = sha256 ?? createHash("sha256").update(this.bytes).digest("hex");
  }
}

function shared(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  copy.set(bytes);
  return copy;
}
