/** @file Writes a stage to a folder: one JSON and the assets as files. */

import { randomUUID } from "node:crypto";
import { access, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { StageSpec } from "../data/batch-stage.js";
import { DataError } from "../errors.js";
import { version } from "../util/version.js";

export interface SaveOptions {
  /** Replaces what is at the path (false by default: saving fails then). */
  readonly overwrite?: boolean;
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
    const stored: StoredStage = { format, library: `deepframe ${version}`, stage, assets };
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

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
