/** @file Archives for executors, kept in the cache folder of this machine: packing one takes a second or two. */

import { readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../../../stages/download.js";
import { writeWhole } from "../../../util/write-whole.js";

/** Archives that are kept; those used longest ago go. */
const most = 4;

/** @param name says what is in the archive: another content, another name */
export async function keptArchive(name: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const folder = join(cacheFolder(), "spark");
  const path = join(folder, `${name}.zip`);
  const found = await readFile(path).catch(() => undefined);
  const bytes = found ?? (await make());
  // a folder that cannot be written to costs time, and nothing else
  await (found === undefined ? writeWhole(path, bytes).then(() => prune(folder)) : touch(path)).catch(() => {});
  return bytes;
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now);
}

async function prune(folder: string): Promise<void> {
  const paths = (await readdir(folder)).filter((name) => name.endsWith(".zip")).map((name) => join(folder, name));
  const used = await Promise.all(paths.map(async (path) => ({ path, at: (await stat(path)).mtimeMs })));
  const old = used.sort((a, b) => b.at - a.at).slice(most);
  await Promise.all(old.map(({ path }) => rm(path, { force: true })));
}
