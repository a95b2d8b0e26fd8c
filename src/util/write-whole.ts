/** @file writeWhole: a file that is there as a whole or not at all. */

import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolder } from "./make-folder.js";

/** Writes aside, then takes the name: whoever reads, or kills this process, finds the old file or the new one. Makes the folder. */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  const aside = `${path}.part-${process.pid}`;
  await makeFolder(dirname(path));
  try {
    const file = await open(aside, "w");
    try {
      await file.writeFile(bytes);
      // on disk before it takes the name
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } finally {
    await rm(aside, { force: true });
  }
}
