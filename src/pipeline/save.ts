/** @file Writes a stage to a folder: one JSON and the assets as files. */

import { randomUUID } from "node:crypto";
import { access, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { StageSpec } from "../data/batch-stage.js";
import { expectText } from "../data/expect.js";
import { DataError } from "../errors.js";
import { makeFolder } from "../util/make-folder.js";
import { version } from "../util/version.js";
import { type ModelFile, type ModelStore, writeThrough } from "./store.js";

export interface SaveOptions {
  /** Replaces what is at the path (false by default: saving fails then). */
  readonly overwrite?: boolean;
  /**
   * Writes through this session's engine, to any path that it reaches, such as `s3a://bucket/flowers.model` on Spark: a
   * folder of Parquet files that `load(path, { session })` reads.
   */
  readonly session?: ModelStore;
}

/** What the folder's JSON holds. */
export interface StoredStage {
  readonly format: number;
  readonly library: string;
  readonly stage: Pick<StageSpec, "type" | "params">;
  readonly assets: readonly { readonly sha256: string; readonly file: string; readonly bytes: number }[];
}

export const format = 1;
export const jsonName = "stage.json";

/** Writes aside, then renames: the path holds the whole stage or nothing new. */
export async function saveStage(
  spec: StageSpec,
  path: string,
  { overwrite = false, session }: SaveOptions,
): Promise<void> {
  expectText(path, "save", "the path");
  if (session !== undefined) {
    const { stored, files } = filesOf(spec);
    const json = { file: jsonName, bytes: new TextEncoder().encode(stored) };
    await writeThrough(session, path, [json, ...files], { overwrite, marker: jsonName });
    return;
  }
  if (isElsewhere(path)) {
    const message = `this process cannot write to ${JSON.stringify(path)}; pass { session } of a Spark session to write through Spark, or save to a local folder and copy that`;
    throw new DataError("save", message, { code: "UNREACHABLE", path });
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
    await makeFolder(join(aside, "assets"));
    const { stored, files } = filesOf(spec);
    await Promise.all(files.map(({ file, bytes }) => writeFile(join(aside, file), bytes)));
    await writeFile(join(aside, jsonName), stored);
    const old = `${aside}.old`;
    if (await exists(target)) await rename(target, old);
    await rename(aside, target);
    await rm(old, { recursive: true, force: true });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** The JSON, and the assets by their places in the folder. */
function filesOf(spec: StageSpec): { stored: string; files: ModelFile[] } {
  const files = spec.assets.map(({ sha256, bytes }) => ({ file: `assets/${sha256}.onnx`, bytes }));
  const assets = spec.assets.map(({ sha256, bytes }, i) => ({ sha256, file: files[i]!.file, bytes: bytes.length }));
  const stage = { type: spec.type, params: spec.params };
  const stored: StoredStage = { format, library: `deepframe ${version}`, stage, assets };
  return { stored: `${JSON.stringify(stored, null, 2)}\n`, files };
}

/** Whether a path names another file system, as `s3a://` does. */
export function isElsewhere(path: string): boolean {
  return /^[a-z][\w+.-]*:\/\//i.test(path);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
