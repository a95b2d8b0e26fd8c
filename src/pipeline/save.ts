/** @file Stages in folders: one JSON and the assets as files, checked by sha256. */

import { createHash, randomUUID } from "node:crypto";
import { access, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { StageSpec } from "../data/batch-stage.js";
import { DataError, messageOf } from "../errors.js";
import { Asset } from "../util/asset.js";
import { version } from "../util/version.js";
import { stageFromSpec } from "./registry.js";
import type { Stage } from "./stage.js";

export interface SaveOptions {
  /** Replaces what is at the path (false by default: saving fails then). */
  readonly overwrite?: boolean;
}

interface Stored {
  readonly format: number;
  readonly library: string;
  readonly stage: Pick<StageSpec, "type" | "params">;
  readonly assets: readonly { readonly sha256: string; readonly file: string; readonly bytes: number }[];
}

const format = 1;
const jsonName = "stage.json";

/** Writes aside, then renames: the path holds the whole stage or nothing new. */
export async function saveStage(spec: StageSpec, path: string, { overwrite = false }: SaveOptions): Promise<void> {
  if (/^[a-z][\w+.-]*:\/\//i.test(path)) {
    throw new DataError(
      "save",
      `cannot write to ${JSON.stringify(path)}: models are saved to local folders; copy the folder there`,
    );
  }
  const target = resolve(path);
  if (!overwrite && (await exists(target))) {
    throw new DataError("save", `"${path}" is there already; choose another path or pass { overwrite: true }`, {
      code: "EXISTS",
      path,
    });
  }
  if (overwrite && (await exists(target)) && !(await exists(join(target, jsonName)))) {
    throw new DataError("save", `"${path}" is not a saved model, so it is not overwritten; choose another path`, {
      code: "EXISTS",
      path,
    });
  }
  const aside = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
  try {
    await mkdir(join(aside, "assets"), { recursive: true });
    const assets = spec.assets.map(({ sha256, bytes }) => ({
      sha256,
      file: `assets/${sha256}.onnx`,
      bytes: bytes.length,
    }));
    const stage = { type: spec.type, params: spec.params };
    const stored: Stored = { format, library: `deepframe ${version}`, stage, assets };
    await Promise.all(spec.assets.map((asset, i) => writeFile(join(aside, assets[i]!.file), asset.bytes)));
    await writeFile(join(aside, jsonName), `${JSON.stringify(stored, null, 2)}\n`);
    const old = `${aside}.old`;
    if (await exists(target)) await rename(target, old);
    await rename(aside, target);
    await rm(old, { recursive: true, force: true });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/**
 * Reads a saved stage: a model, an estimator, a Pipeline.
 *
 * @throws DataError where the folder is missing, of an unknown version, incomplete, changed since, or points outside itself.
 * @example
 * const model = await load("flowers.model");
 * await model.predictOne({ image: bytes });
 */
export async function load(path: string): Promise<Stage> {
  const folder = resolve(path);
  const stored = await readStored(folder, path);
  const assets = new Map<string, Asset>();
  await Promise.all(
    stored.assets.map(async ({ sha256, file, bytes }) => {
      assets.set(sha256, await readAsset(folder, file, sha256, bytes));
    }),
  );
  return stageFromSpec(stored.stage, assets);
}

async function readStored(folder: string, path: string): Promise<Stored> {
  const fail = (reason: string, cause?: unknown): never => {
    throw new DataError("load", `"${path}" ${reason}`, { path, cause });
  };
  const text = await readFile(join(folder, jsonName), "utf8").catch((error) =>
    fail(`is not a saved model: it has no ${jsonName}; give the folder that save() wrote`, error),
  );
  const parse = (): Partial<Stored> => {
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
  return stored as Stored;
}

async function readAsset(folder: string, file: string, sha256: string, size: number): Promise<Asset> {
  const place = relative(folder, resolve(folder, String(file)));
  if (isAbsolute(String(file)) || place.startsWith("..")) {
    throw new DataError("load", `asset file "${file}" lies outside the model's folder; the model is not to be trusted`);
  }
  const bytes = await readFile(join(folder, place)).catch((error) => {
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

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
