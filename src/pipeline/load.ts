/** @file Reads what save wrote: checked by version, place and sha256. */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isAbsolute, join, normalize, resolve } from "node:path";
import { expectText } from "../data/expect.js";
import { DataError, messageOf } from "../errors.js";
import { Asset } from "../util/asset.js";
import { version } from "../util/version.js";
import { stageFromSpec } from "./registry.js";
import { format, isElsewhere, jsonName, type StoredStage } from "./save.js";
import { Estimator, type Stage, Transformer } from "./stage.js";
import { type ModelStore, type ReadFile, readThrough } from "./store.js";

export interface LoadOptions {
  /** Reads through this session's engine, from any path that it reaches, such as `s3a://bucket/flowers.model` on Spark. */
  readonly session?: ModelStore;
}

/**
 * Reads a saved model (or any other Transformer).
 *
 * @throws DataError where the folder is missing, of an unknown version, incomplete, changed since, or points outside
 * itself, and where it holds something that is not fitted yet.
 * @example
 * const model = await load("flowers.model");
 * await model.predictOne({ image: bytes });
 */
export async function load(path: string, options: LoadOptions = {}): Promise<Transformer> {
  const stage = await loadStage(path, options);
  if (stage instanceof Transformer) return stage;
  throw new DataError("load", `"${path}" holds a ${stage.name}, which is not fitted; read it with loadEstimator`, {
    path,
  });
}

/** Reads a saved Estimator, such as a Pipeline that is to be fitted. @throws DataError as {@link load} does. */
export async function loadEstimator(path: string, options: LoadOptions = {}): Promise<Estimator> {
  const stage = await loadStage(path, options);
  if (stage instanceof Estimator) return stage;
  throw new DataError("loadEstimator", `"${path}" holds a ${stage.name}, which is no Estimator; read it with load`, {
    path,
  });
}

async function loadStage(path: string, { session }: LoadOptions): Promise<Stage> {
  expectText(path, "load", "the path");
  if (session === undefined && isElsewhere(path)) {
    const message = `this process cannot read ${JSON.stringify(path)}; pass { session } of a Spark session to read through Spark, or copy the folder here`;
    throw new DataError("load", message, { code: "UNREACHABLE", path });
  }
  const folder = resolve(path);
  const read: ReadFile =
    session === undefined ? (file) => readFile(join(folder, file)) : await readThrough(session, path, jsonName);
  const stored = await readStored(read, path);
  const assets = new Map<string, Asset>();
  await Promise.all(
    stored.assets.map(async ({ sha256, file, bytes }) => {
      assets.set(sha256, await readAsset(read, file, sha256, bytes));
    }),
  );
  return stageFromSpec(stored.stage, assets);
}

async function readStored(read: ReadFile, path: string): Promise<StoredStage> {
  const fail = (reason: string, cause?: unknown): never => {
    throw new DataError("load", `"${path}" ${reason}`, { path, cause });
  };
  const text = await read(jsonName).then(
    (bytes) => new TextDecoder().decode(bytes),
    (error) => fail(`is not a saved model: it has no ${jsonName}; give the folder that save() wrote`, error),
  );
  const parse = (): Partial<StoredStage> => {
    try {
      return JSON.parse(text);
    } catch (error) {
      return fail(`is damaged: ${jsonName} is no JSON (${messageOf(error)})`, error);
    }
  };
  const stored = parse();
  if (stored.format !== format) {
    fail(
      `has format ${JSON.stringify(stored.format)} (written by ${stored.library}); this is deepframe ${version}, which reads format ${format}`,
    );
  }
  if (
    typeof stored.stage?.type !== "string" ||
    typeof stored.stage.params !== "object" ||
    !Array.isArray(stored.assets)
  ) {
    fail(`is damaged: ${jsonName} lacks the stage or its assets`);
  }
  return stored as StoredStage;
}

async function readAsset(read: ReadFile, file: string, sha256: string, size: number): Promise<Asset> {
  const place = normalize(String(file));
  if (isAbsolute(place) || place.startsWith("..")) {
    throw new DataError("load", `asset file "${file}" lies outside the model's folder; the model is not to be trusted`);
  }
  const bytes = await read(place).catch((error) => {
    throw new DataError("load", `asset file "${file}" is missing; copy the whole folder`, { cause: error });
  });
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found !== sha256) {
    const sizes = bytes.length === size ? "" : ` (${bytes.length} bytes, expected ${size})`;
    throw new DataError(
      "load",
      `asset file "${file}" was changed or damaged${sizes}: sha256 is ${found}, expected ${sha256}`,
    );
  }
  return new Asset(bytes, sha256);
}
