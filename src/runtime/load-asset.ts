/** @file Making assets of large files and buffers without blocking the event loop. */

import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";

import { DataError, messageOf } from "../errors.js";
import { Asset } from "../util/asset.js";

/** Bytes copied and hashed before the event loop gets a turn: about 4 ms. */
const chunk = 4 * 2 ** 20;

/**
 * Reads a file into an Asset.
 *
 * @throws DataError when the file cannot be read.
 * @example const model = await readAsset("efficientnet-lite0.onnx");
 */
export async function readAsset(path: string): Promise<Asset> {
  try {
    const bytes = new Uint8Array(new SharedArrayBuffer((await stat(path)).size));
    const hash = createHash("sha256");
    const file = await open(path);
    try {
      for (let start = 0; start < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, start, Math.min(chunk, bytes.length - start), start);
        if (bytesRead === 0) throw new Error(`the file ended after ${start} of ${bytes.length} bytes`);
        hash.update(bytes.subarray(start, start + bytesRead));
        start += bytesRead;
      }
    } finally {
      await file.close();
    }
    return new Asset(bytes, hash.digest("hex"));
  } catch (cause) {
    throw new DataError("readAsset", `cannot read "${path}": ${messageOf(cause)}`, { path, cause });
  }
}

/** An Asset of bytes in memory, which must not change meanwhile. */
export async function toAsset(bytes: Uint8Array): Promise<Asset> {
  const shared =
    bytes.buffer instanceof SharedArrayBuffer ? bytes : new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  const hash = createHash("sha256");
  for (let start = 0; start < bytes.length; start += chunk) {
    if (start > 0) await nextTurn();
    const part = bytes.subarray(start, start + chunk);
    if (shared !== bytes) shared.set(part, start);
    hash.update(part);
  }
  return new Asset(shared, hash.digest("hex"));
}

/** SHA-256 of a file's content, in hexadecimal; holds only a small part of it in memory. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path);
  try {
    for await (const part of file.createReadStream({ highWaterMark: 2 ** 20 })) hash.update(part as Uint8Array);
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}
