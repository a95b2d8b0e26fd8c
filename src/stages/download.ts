/** @file Downloads a file once into a cache folder: checked by sha256, resumed after a break, one process at a time. */

import { open, rename, rm, stat, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { DataError, messageOf } from "../errors.js";
import { hashFile } from "../runtime/load-asset.js";
import { makeFolder } from "../util/make-folder.js";

/** Where downloads are kept: the environment's DEEPFRAME_CACHE, else `.cache/deepframe` in the home folder. */
export function cacheFolder(): string {
  return process.env.DEEPFRAME_CACHE || join(homedir(), ".cache", "deepframe");
}

/** Where the download with this hash lies, or will lie. */
export function cachedPath(url: string, sha256: string): string {
  return join(cacheFolder(), sha256, basename(new URL(url).pathname) || "file");
}

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without a byte after which the download fails; 30,000 by default. What came stays for the next try. */
  readonly stallTimeout?: number;
}

/**
 * The path of a file from the web, fetched unless the cache has it. A broken download goes on where it stopped.
 *
 * @param sha256 of the whole file, in hex; a file with another hash is never kept
 * @throws DataError where the server cannot be reached or refuses, or the hash differs.
 * @example const path = await download("https://example.org/model.onnx", "9f86d0…");
 */
export async function download(url: string, sha256: string, options: DownloadOptions = {}): Promise<string> {
  const target = cachedPath(url, sha256);
  if (await sizeOf(target)) return target;
  await makeFolder(dirname(target));
  const unlock = await lock(`${target}.lock`, options);
  try {
    if (await sizeOf(target)) return target; // another thread was faster
    const partial = `${target}.part`;
    await fetchInto(partial, url, target, options);
    const found = await hashFile(partial);
    if (found !== sha256) {
      await rm(partial, { force: true });
      throw new DataError(
        who,
        `${url} has sha256 ${found}, expected ${sha256}; it changed or was damaged on the way, so it was not kept`,
        { code: "HASH", url, expected: sha256, found },
      );
    }
    await rename(partial, target);
    return target;
  } finally {
    await unlock();
  }
}

const who = "download";

async function fetchInto(partial: string, url: string, target: string, options: DownloadOptions): Promise<void> {
  const { signal, stallTimeout = 30_000 } = options;
  const have = (await sizeOf(partial)) ?? 0;
  const stalled = new AbortController();
  const watch = setTimeout(() => stalled.abort(new Error(`no data for ${stallTimeout / 1000} s`)), stallTimeout);
  try {
    const response = await fetch(url, {
      headers: have > 0 ? { range: `bytes=${have}-` } : {},
      signal: signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal,
    });
    if (response.status === 416) return; // nothing is left: the hash tells whether it is whole
    if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status}`);
    const file = await open(partial, response.status === 206 ? "a" : "w");
    try {
      for await (const chunk of response.body) {
        watch.refresh();
        await file.write(chunk);
      }
    } finally {
      await file.close();
    }
  } catch (cause) {
    signal?.throwIfAborted();
    const reason = stalled.signal.aborted ? messageOf(stalled.signal.reason) : reasonOf(cause);
    throw new DataError(
      who,
      `cannot get ${url} (${reason}); connect and try again, or put the file at ${JSON.stringify(target)} yourself`,
      { code: "OFFLINE", url, path: target, cause },
    );
  } finally {
    clearTimeout(watch);
  }
}

/** fetch wraps what happened ("fetch failed"); the cause says it. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : messageOf(cause) || String((cause as { code?: string }).code);
}

const heartbeat = 1000;
const staleAfter = 15_000;

/** One download of a file at a time: a lock file whose owner touches it; one left by a crash is taken over. */
async function lock(path: string, { signal }: DownloadOptions): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await (await open(path, "wx")).close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? 0);
    if (age > staleAfter) await rm(path, { force: true });
    else await sleep(200, undefined, { signal });
  }
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, heartbeat);
  beat.unref();
  return async () => {
    clearInterval(beat);
    await rm(path, { force: true });
  };
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}
