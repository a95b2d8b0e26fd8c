/** @file The programs in examples/, run as they stand on a few pictures. */

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noSpark, sparkUrl } from "./spark.js";

const emoji = dirname(createRequire(import.meta.url).resolve("@lobehub/fluent-emoji-3d/package.json"));
const classes = {
  animals: ["1f400", "1f401", "1f402", "1f403", "1f404", "1f405", "1f406", "1f407", "1f408", "1f40a"],
  food: ["1f345", "1f346", "1f347", "1f348", "1f349", "1f34a", "1f34b", "1f34c", "1f34d", "1f34e"],
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-examples-"));
  for (const [name, codes] of Object.entries(classes)) {
    await mkdir(join(folder, "photos", name), { recursive: true });
    for (const code of codes) {
      await cp(join(emoji, "assets", `${code}.webp`), join(folder, "photos", name, `${code}.webp`));
    }
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = async (name: string, ...args: string[]) => {
  const program = resolve(import.meta.dirname, "../examples", `${name}.js`);
  return (await promisify(execFile)(process.execPath, [program, join(folder, "photos"), ...args], { cwd: folder }))
    .stdout;
};

test("transfer-learning.ts trains, saves, loads and predicts", async () => {
  expect(await run("transfer-learning")).toMatch(/^accuracy [01](\.\d+)?\n.*photos.* [01] \S+/);
});

test("sql-function.ts asks a model in SQL", async () => {
  const text = await run("sql-function");
  expect(text).toMatch(/^flower\(image binary\)\n/);
  expect(text).toMatch(/animals\|animals\| +10\|/);
  expect(text).toMatch(/food\| +food\| +10\|/);
});

test.skipIf(noSpark)("spark.ts does on a cluster what transfer-learning.ts does here", async () => {
  expect(await run("spark", await sparkUrl())).toBe(`${(await run("transfer-learning")).split("\n")[0]}\n`);
});
