/** @file A function of the user's out of its bundle, in the thread that runs it, and where in its source an error arose. */

import { randomUUID } from "node:crypto";
import { unlink, writeFile } from "node:fs/promises";
import { SourceMap } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { DataError, listNames, messageOf, type Who } from "../../errors.js";
import type { Asset } from "../../util/asset.js";
import { mapMark } from "./bundle.js";

export interface LoadedFunction {
  readonly call: (input: unknown, options: unknown) => unknown;
  /** The place in the user's source, as in `clean.ts:12`; undefined where the error came from elsewhere. */
  placeOf(error: unknown): { readonly file: string; readonly line: number } | undefined;
}

interface Loaded {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly file: string;
  readonly map: SourceMap | undefined;
}

/** A module is loaded once per thread, so what it holds between calls is the thread's. */
const loaded = new Map<string, Promise<Loaded>>();

/** @throws DataError where the module fails to load, or the export is no function. */
export async function loadFunction(code: Asset, exported: string, who: Who): Promise<LoadedFunction> {
  let loading = loaded.get(code.sha256);
  if (loading === undefined) {
    loading = load(code, who);
    loading.catch(() => loaded.delete(code.sha256));
    loaded.set(code.sha256, loading);
  }
  const { exports, file, map } = await loading;
  const found = exports[exported];
  if (typeof found !== "function") {
    const message = `"${exported}" is no function in the module (functions: ${listNames(functionsOf(exports))})`;
    throw new DataError(who, message, { code: "NO_EXPORT" });
  }
  return { call: found as LoadedFunction["call"], placeOf: (error) => placeOf(error, file, map) };
}

async function load({ bytes, sha256 }: Asset, who: Who): Promise<Loaded> {
  // Node shows the file's name with every line, and loads its imports, which a data: URL would not do as well
  const file = `deepframe-${sha256.slice(0, 16)}-${randomUUID()}.mjs`;
  const path = join(tmpdir(), file);
  const text = new TextDecoder().decode(Uint8Array.from(bytes));
  const at = text.lastIndexOf(mapMark);
  const map = at < 0 ? undefined : new SourceMap(JSON.parse(text.slice(at + mapMark.length)));
  try {
    await writeFile(path, text);
    const exports = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
    return { exports, file, map };
  } catch (cause) {
    const place = placeOf(cause, file, map);
    const where = place === undefined ? "" : ` (${place.file}:${place.line})`;
    throw new DataError(who, `the module fails to load${where}: ${messageOf(cause)}`, { code: "USER_CODE", cause });
  } finally {
    await unlink(path).catch(() => {});
  }
}

function placeOf(error: unknown, file: string, map: SourceMap | undefined) {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const frame = new RegExp(`${file}:(\\d+):(\\d+)`).exec(stack);
  if (frame === null || map === undefined) return undefined;
  const entry = map.findEntry(Number(frame[1]) - 1, Number(frame[2]) - 1);
  if (!("originalSource" in entry)) return undefined;
  return { file: entry.originalSource, line: entry.originalLine + 1 };
}

function functionsOf(exports: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(exports).filter((name) => typeof exports[name] === "function");
}
