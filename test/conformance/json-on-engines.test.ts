/** @file What every engine reads from JSON files: lines, arrays on one line or several, byte order marks; and what it refuses. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engines } from "../engines.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-json-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe.each(engines)("JSON on $name", ({ session }) => {
  async function read(text: string) {
    const path = join(folder, "rows.json");
    await writeFile(path, text);
    return { path, df: (await session()).read.json(path) };
  }

  test.each([
    ['{"a":1}\n{"a":2}\n'],
    ['\ufeff{"a":1}\n{"a":2}\n'],
    ['[{"a":1},{"a":2}]'],
    ['\ufeff[{"a":1},{"a":2}]\n'],
    ['\ufeff[\n  {"a":1},\n  {"a":2}\n]\n'],
    ['[{"a":1},\n{"a":2}]\n'],
  ])("%j is two rows", async (text) => {
    const { df } = await read(text);
    expect(await df.collect()).toEqual([{ a: 1 }, { a: 2 }]);
    expect(await df.count()).toBe(2);
  });

  test("what is no JSON is an error that names the file", async () => {
    const { path, df } = await read('{"a":1}\n{"a":\n');
    await expect(df.collect()).rejects.toThrow(/^read\.json: /);
    await expect(df.collect()).rejects.toThrow(JSON.stringify(path));
  });
});
