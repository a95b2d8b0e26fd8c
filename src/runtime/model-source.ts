/** @file What a session can be opened from, and how it reaches a thread. */

import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";

import { GraphError, messageOf } from "../errors.js";
import { Asset } from "../util/asset.js";
import { hashFile, toAsset } from "./load-asset.js";

/** A graph as far as the runtime needs it. */
export interface GraphLike {
  toChunks(): readonly Uint8Array[];
}

/**
 * A graph, a model's bytes (not to be changed afterwards), an asset, the path of an .onnx file (its external data is
 * found beside it), or a model with its external data as assets under the names that the model calls them by.
 */
export type ModelSource =
  | GraphLike
  | Uint8Array
  | Asset
  | string
  | { readonly model: Asset; readonly externalData: Readonly<Record<string, Asset>> };

/** A model as a message to a thread; bytes are in shared memory, so that it costs nothing to send. */
export interface WireModel {
  /** Equal for equal content. */
  readonly key: string;
  readonly name: string;
  readonly size: number;
  readonly content: string | Uint8Array;
  readonly externalData: Readonly<Record<string, Uint8Array>>;
}

/** Values are immutable, so each object is read and hashed once. */
const known = new WeakMap<object, Promise<WireModel>>();

/** @throws GraphError when a path names no file. */
export function resolveModel(source: ModelSource): Promise<WireModel> {
  if (typeof source === "string") return fromPath(source);
  let model = known.get(source);
  if (!model) {
    model = fromObject(source);
    known.set(source, model);
    model.catch(() => known.delete(source));
  }
  return model;
}

async function fromObject(source: Exclude<ModelSource, string>): Promise<WireModel> {
  if (source instanceof Asset) return wireModel(source);
  if (source instanceof Uint8Array) return wireModel(await toAsset(source));
  if ("toChunks" in source) return wireModel(await toAsset(source.toChunks()));
  return wireModel(source.model, source.externalData);
}

function wireModel(model: Asset, external: Readonly<Record<string, Asset>> = {}): WireModel {
  const parts = Object.entries(external).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    key: [model.sha256, ...parts.map(([name, { sha256 }]) => `${name}=${sha256}`)].join(" "),
    name: `model ${model.sha256.slice(0, 8)}`,
    size: parts.reduce((size, [, { bytes }]) => size + bytes.length, model.bytes.length),
    content: model.bytes,
    externalData: Object.fromEntries(parts.map(([name, { bytes }]) => [name, bytes])),
  };
}

/** The runtime reads the file itself: external data may be beside it, and beyond what one buffer holds. */
async function fromPath(path: string): Promise<WireModel> {
  const absolute = resolve(path);
  try {
    const { size, mtimeMs } = await stat(absolute);
    const key = `${await hashFile(absolute)} ${absolute} ${mtimeMs}`;
    return { key, name: basename(path), size, content: absolute, externalData: {} };
  } catch (cause) {
    throw new GraphError("openSession", `no model at "${path}": ${messageOf(cause)}`, { path, cause });
  }
}
