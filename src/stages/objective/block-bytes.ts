/** @file Blocks and sums as bytes and text, for the way to executors and back. */

import { internal } from "../../errors.js";
import { featureTypeOf, type Matrices } from "./block.js";

/** Rows, width, and 1 for float32 features, 0 for float64; then labels, weights and features. */
const headerBytes = 16;

export function packMatrices(matrices: Matrices): Uint8Array<ArrayBuffer> {
  const { features, labels, weights } = matrices;
  const rows = labels.length;
  const bytes = new Uint8Array(headerBytes + 16 * rows + features.byteLength);
  const isNarrow = featureTypeOf(matrices) === "float32" ? 1 : 0;
  new Uint32Array(bytes.buffer, 0, 3).set([rows, rows === 0 ? 0 : features.length / rows, isNarrow]);
  new Float64Array(bytes.buffer, headerBytes, rows).set(labels);
  new Float64Array(bytes.buffer, headerBytes + 8 * rows, rows).set(weights);
  bytes.set(new Uint8Array(features.buffer, features.byteOffset, features.byteLength), headerBytes + 16 * rows);
  return bytes;
}

/** @param bytes that begin where their buffer begins, as numbers need it */
export function unpackMatrices(bytes: Uint8Array): Matrices {
  if (bytes.byteOffset !== 0) throw internal("a block does not begin where its buffer begins");
  const [rows = 0, width = 0, isNarrow] = new Uint32Array(bytes.buffer, 0, 3);
  const at = headerBytes + 16 * rows;
  return {
    labels: new Float64Array(bytes.buffer, headerBytes, rows),
    weights: new Float64Array(bytes.buffer, headerBytes + 8 * rows, rows),
    features: isNarrow
      ? new Float32Array(bytes.buffer, at, rows * width)
      : new Float64Array(bytes.buffer, at, rows * width),
  };
}

/** Doubles by name as JSON of base64: exact, and little longer than the bytes. */
export function numbersToJson(numbers: Readonly<Record<string, Float64Array>>): Record<string, string> {
  const entries = Object.entries(numbers).map(([name, { buffer, byteOffset, byteLength }]) => {
    // shared memory is as good, whatever the type says
    return [name, Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString("base64")];
  });
  return Object.fromEntries(entries);
}

export function numbersFromJson(json: Readonly<Record<string, string>>): Record<string, Float64Array> {
  const entries = Object.entries(json).map(([name, text]) => {
    return [name, new Float64Array(new Uint8Array(Buffer.from(text, "base64")).buffer)];
  });
  return Object.fromEntries(entries);
}
