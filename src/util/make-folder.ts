/** @file makeFolder: a folder and those above it. */

import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a folder that may be there already. Node's own `recursive: true` tries for ever where nothing can be made under a
 * folder that is there, as in /proc.
 */
export async function makeFolder(path: string): Promise<void> {
  const error = await made(path);
  if (error?.code !== "ENOENT" || dirname(path) === path) {
    if (error !== undefined) throw error;
    return;
  }
  await makeFolder(dirname(path));
  const again = await made(path);
  if (again !== undefined) throw again;
}

/** Why there is no such folder now. */
async function made(path: string): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await mkdir(path);
    return undefined;
  } catch (error) {
    const found = await stat(path).catch(() => undefined);
    return found?.isDirectory() ? undefined : (error as NodeJS.ErrnoException);
  }
}
