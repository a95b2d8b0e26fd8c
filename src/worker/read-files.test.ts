/** @file Tests that files are read whole, those in the system's memory and those that keep one waiting. */

import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Vector } from "apache-arrow";
import { afterAll, beforeAll, expect, test } from "vitest";
import { batchOf, stringColumn } from "../data/columns.js";
import { dataOf } from "../data/read-columns.js";
import { Schema } from "../data/schema.js";
import { ReadFiles } from "./read-files.js";

const stage = new ReadFiles({ inputCol: "path", outputCol: "bytes" });
const schema = Schema.of({ path: "string" });
const context = { warn: () => {} };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
  await writeFile(join(folder, "a"), "first");
  await writeFile(join(folder, "b"), "second");
  await writeFile(join(folder, "empty"), "");
  // all zeros, and on no disk: reading them takes longer than the few milliseconds that a thread waits for one file
  await writeFile(join(folder, "large"), "");
  await truncate(join(folder, "large"), 2 ** 28);
});
afterAll(() => rm(folder, { recursive: true }));

async function read(...names: (string | null)[]): Promise<(Uint8Array | null)[]> {
  const paths = names.map((name) => (name === null ? null : join(folder, name)));
  const batch = await stage.open(schema, context)(batchOf({ path: stringColumn(paths) }));
  return [...new Vector([dataOf(batch, "bytes")])];
}

const text = (bytes: Uint8Array | null | undefined) => bytes && Buffer.from(bytes).toString();

test("files come whole and in order, null where there is no path", async () => {
  expect((await read("b", null, "empty", "a")).map(text)).toEqual(["second", null, "", "first"]);
});

test("files behind one that was slow come the same", async () => {
  const [large, ...others] = await read("large", "b", null, "empty", "a");
  expect(large!.length).toBe(2 ** 28);
  expect(others.map(text)).toEqual(["second", null, "", "first"]);
});

test("a file that cannot be read is named, whichever way it is read", async () => {
  await expect(read("a", "none")).rejects.toThrow(`read: cannot read "${join(folder, "none")}": ENOENT`);
  await expect(read("large", "none")).rejects.toThrow(`read: cannot read "${join(folder, "none")}": ENOENT`);
  await expect(read(".")).rejects.toThrow(`read: cannot read "${folder}": EISDIR`);
});
