import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { makeFolder } from "./make-folder.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "deepframe-folder-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

test("makes a folder with those above it, again too", async () => {
  const path = join(root, "a", "b", "c");
  await makeFolder(path);
  await makeFolder(path);
  expect((await stat(path)).isDirectory()).toBe(true);
  await Promise.all(["x", "y", "z"].map((name) => makeFolder(join(root, "many", "at", "once", name))));
});

test("a file in its place, or above it, is an error", async () => {
  const file = join(root, "file");
  await writeFile(file, "");
  await expect(makeFolder(file)).rejects.toThrow(/^EEXIST/);
  await expect(makeFolder(join(file, "inside"))).rejects.toThrow(/^ENOTDIR/);
});

test.skipIf(process.platform !== "linux")(
  "where nothing can be made it says so instead of trying for ever",
  async () => {
    await expect(makeFolder("/proc/none/here")).rejects.toThrow(/^ENOENT/);
  },
);
