/** @file A file that has no name: gone when it is closed, even by a crash. */

import { randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Opens a new file in the system's temporary folder and takes its name away at once. */
export async function unnamedFile(): Promise<FileHandle> {
  const path = join(tmpdir(), `deepframe-${randomUUID()}`);
  const file = await open(path, "wx+", 0o600);
  await unlink(path);
  return file;
}
