/** @file Making assets of large files and buffers without blocking the event loop. */

import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";

import { DataError, messageOf } from "../errors.js";
import { Asset } from "../util/asset.js";
import { Turns } from "../util/turns.js";

/** Bytes copied and hashed before the event loop may get a turn: about 1 ms. */
const chunk = 2 ** 20;

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

/** An Asset of bytes in memory, or of pieces of them, which must not change meanwhile. */
export async function toAsset(source: Uint8Array | readonly Uint8Array[]): Promise<Asset> {
  const pieces = source instanceof Uint8Array ? [source] : source;
  const length = pieces.reduce((sum, { length }) => sum + length, 0);
  const isShared = source instanceof Uint8Array && source.buffer instanceof SharedArrayBuffer;
  const shared = isShared ? source : new Uint8Array(new SharedArrayBuffer(length));
  const hash = createHash("sha256");
  const turns = new Turns();
  let at = 0;
  for (const bytes of pieces) {
    for (let from = 0; from < bytes.length; from += chunk) {
      await turns.give();
      const part = bytes.subarray(from, from + chunk);
      if (!isShared) shared.set(part, at);
      hash.update(part);
      at += part.length;
    }
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
