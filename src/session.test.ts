/** @file Opening and closing sessions: engines by URL, databases in files, and nothing left behind. */

import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Session } from "./session.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("Session.open", () => {
  test("names the schemes there are", async () => {
    await expect(Session.open("pg://localhost")).rejects.toThrow(
      'Session.open: no engine for "pg://localhost"; URLs begin with one of "duckdb:"',
    );
    await expect(Session.open("data.db")).rejects.toThrow('no engine for "data.db"; URLs begin with one of "duckdb:"');
  });

  test("keeps tables of a database file", async () => {
    const path = join(folder, "a.db");
    {
      await using session = await Session.open(`duckdb:${path}`);
      await session.sql("CREATE TABLE t AS SELECT 42 AS x").collect();
      expect(await session.table("t").collect()).toEqual([{ x: 42 }]);
    }
    await using again = await Session.open(`duckdb:${path}`);
    expect(await again.table("t").filter("x > 1").collect()).toEqual([{ x: 42 }]);
    await expect(again.table("u").collect()).rejects.toThrow('session.table: no table or view "u"');
  });

  test("refuses a file that is no database", async () => {
    const path = join(folder, "a.db");
    await writeFile(path, "hello ".repeat(10_000));
    await expect(Session.open(`duckdb:${path}`)).rejects.toThrow(
      `Session.open: ${JSON.stringify(path)} is no DuckDB database; give another path`,
    );
  });

  test("checks its options", async () => {
    await expect(Session.open("duckdb:", { threads: 0 })).rejects.toThrow(
      "Session.open: threads must be a whole number of at least 1, got 0",
    );
    await expect(Session.open("duckdb:", { memoryLimit: "much" })).rejects.toThrow("Session.open: ");
    await expect(Session.open("duckdb:", { memory: "1GB" })).rejects.toThrow(
      'Session.open: unknown option "memory"; there are "memoryLimit", "threads", "tempDirectory", "onProgress"',
    );
  });
});

describe("session.createDataFrame", () => {
  test("needs columns, though no rows", async () => {
    await using session = await Session.open();
    expect(() => session.createDataFrame([])).toThrow(
      'createDataFrame: there are no columns; give rows, or a schema as in { age: "int" }',
    );
    const empty = session.createDataFrame([], { age: "int" });
    expect(await empty.collect()).toEqual([]);
    expect(await empty.filter("age > 1").agg({ n: "count(*)", m: "max(age)" }).collect()).toEqual([{ n: 0, m: null }]);
  });
});

describe("Session.close", () => {
  test("ends its DataFrames, more than once if need be", async () => {
    const session = await Session.open();
    const df = session.createDataFrame([{ x: 1 }]).filter("x > 0");
    await session.close();
    await session.close();
    await expect(df.collect()).rejects.toThrow("Session: closed; open a new one with Session.open()");
    expect(() => session.sql("SELECT 1")).toThrow("Session: closed; open a new one with Session.open()");
  });

  test("waits for no one, and leaves no work behind", async () => {
    const session = await Session.open();
    const message = "Session: closed; open a new one with Session.open()";
    const long = session.sql("SELECT sum(a.range * b.range) AS x FROM range(100000) a, range(1000000) b").collect();
    const begun = session.sql("SELECT * FROM range(1000000)").batches()[Symbol.asyncIterator]();
    await begun.next();
    const expected = expect(long).rejects.toThrow(message);
    setTimeout(() => session.close(), 50);
    await expected;
    await expect(begun.next()).rejects.toThrow(message);
  });

  test("leaves other sessions on the same file alone", async () => {
    const url = `duckdb:${join(folder, "a.db")}`;
    const [a, b] = await Promise.all([Session.open(url), Session.open(url)]);
    await a.sql("CREATE TABLE t AS SELECT 1 AS x").collect();
    expect(
      await b
        .createDataFrame([{ x: 1 }])
        .join(b.table("t"), "x")
        .count(),
    ).toBe(1);
    await a.close();
    expect(await b.table("t").cache().count()).toBe(1);
    await b.close();
    expect((await readdir(folder)).filter((name) => !name.startsWith("a.db"))).toEqual([]);
  });

  test("removes what was spilled to disk, after a failure too", async () => {
    const session = await Session.open("duckdb:", { memoryLimit: "60MB", tempDirectory: folder, threads: 2 });
    const wide = session.sql("SELECT range AS id, md5(CAST(range AS STRING)) AS text FROM range(3000000)").cache();
    expect(await wide.count()).toBe(3_000_000);
    expect((await readdir(folder)).length).toBe(1);
    expect(await wide.filter("id = 2999999").values("id")).toEqual([2_999_999]);
    await expect(wide.filter("error('no') IS NULL").count()).rejects.toThrow("no");
    await session.close();
    expect(await readdir(folder)).toEqual([]);
  });

  test("is not needed for the process to end, nor to leave nothing behind", async () => {
    const script = `
      import { Session } from ${JSON.stringify(new URL("./session.js", import.meta.url).href)};
      const session = await Session.open("duckdb:", { memoryLimit: "60MB", tempDirectory: ${JSON.stringify(folder)} });
      const df = session.sql("SELECT range AS id, md5(CAST(range AS STRING)) AS text FROM range(3000000)").cache();
      console.log(await df.count(), await session.createDataFrame([{ x: 1 }]).filter("x = 1").count());`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
      timeout: 30_000,
    });
    expect(stdout.trim()).toBe("3000000 1");
    expect(await readdir(folder)).toEqual([]);
  });
});
