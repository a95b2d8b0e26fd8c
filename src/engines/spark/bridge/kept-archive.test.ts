import { mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { keptArchive } from "./kept-archive.js";

describe("archives for executors", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "deepframe-archives-"));
    vi.stubEnv("DEEPFRAME_CACHE", folder);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  const archive = (name: string, content: number) => keptArchive(name, async () => Uint8Array.of(content));
  const kept = async () => (await readdir(join(folder, "spark"))).sort();

  test("are packed once, also for other processes", async () => {
    expect([...(await archive("a", 1))]).toEqual([1]);
    expect([...(await archive("a", 2))]).toEqual([1]);
    expect(await kept()).toEqual(["a.zip"]);
  });

  test("are at most four, those used last", async () => {
    for (const name of ["b", "c", "d"]) await archive(name, 0);
    // long ago
    for (const name of ["a", "b", "c", "d"]) await utimes(join(folder, "spark", `${name}.zip`), 0, 0);
    await archive("a", 0);
    await archive("e", 0);
    expect(await kept()).toHaveLength(4);
    expect(await kept()).toEqual(expect.arrayContaining(["a.zip", "e.zip"]));
  });

  test("are packed each time where the folder cannot be written to", async () => {
    vi.stubEnv("DEEPFRAME_CACHE", "/dev/null/none");
    expect([...(await archive("a", 3))]).toEqual([3]);
  });
});
