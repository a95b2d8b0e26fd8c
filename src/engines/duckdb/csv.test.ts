/** @file What CSV files hold is found once and told where it is odd: lines above the header, headers that differ, late quotes. */

import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CsvOptions } from "../../data/reader.js";
import { Session } from "../../session.js";

let session: Session;
let folder: string;
beforeAll(async () => {
  session = await Session.open();
  folder = await mkdtemp(join(tmpdir(), "deepframe-csv-"));
});
afterAll(async () => {
  await session.close();
  await rm(folder, { recursive: true, force: true });
});

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

/** Rows of a file, as arrays. */
async function rows(text: string, options: CsvOptions = {}): Promise<unknown[][]> {
  const found = await session.read.csv(await file("rows.csv", text), options).collect();
  return found.map((row) => Object.values(row));
}

test("lines above the header are an error, or skipped where asked", async () => {
  const text = "Sales of May\n\na,b\n1,2\n3,4\n";
  await expect(rows(text)).rejects.toThrow(
    `read.csv: line 1 of ${JSON.stringify(join(folder, "rows.csv"))} ("Sales of May") is no part of the 2 columns below it; pass { skip: 2 } to leave out what is above them, or another delimiter`,
  );
  expect(await rows(text, { skip: 2 })).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(await rows("\n\na,b\n1,2\n")).toEqual([[1, 2]]);
  expect(await rows("", { header: true })).toEqual([]);
});

test("lines that begin with # are an error, or left out, or read", async () => {
  const text = "# made today\na,b\n1,2\n# half\n3,4\n";
  await expect(rows(text)).rejects.toThrow(
    `read.csv: line 1 of ${JSON.stringify(join(folder, "rows.csv"))} ("# made today") begins with "#"; pass { comment: "#" } to leave out such lines, { comment: "" } to read them`,
  );
  expect(await rows(text, { comment: "#" })).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(await rows("tag,n\n#a,1\n#b,2\n")).toEqual([
    ["#a", 1],
    ["#b", 2],
  ]);
});

test.each([
  ['a,b,c\n1,x,y\n4,z\n6,"u,v",w\n', 3, "4,z", 3, 2],
  ["a,b\n1,2,3\n4,5,6\n", 2, "1,2,3", 2, 3],
  ["a,b,c\n1,2\n4,5\n", 2, "1,2", 3, 2],
  ["a,b\n1,2\ntotal\n", 3, "total", 2, 1],
  [`a,b\n${"1,2\n".repeat(30_000)}3\n`, 30_002, "3", 2, 1],
])("the ragged file %j names its first bad row", async (text, line, shown, columns, fields) => {
  await expect(rows(text)).rejects.toThrow(
    `read.csv: line ${line} of ${JSON.stringify(join(folder, "rows.csv"))} ("${shown}") must have ${columns} fields, got ${fields}; mend it, or pass { mode: "DROPMALFORMED" }`,
  );
});

test("quotes that come late are quotes", async () => {
  const found = await rows(`a,b\n${"1,x\n".repeat(30_000)}2,"y, ""z"""\n`);
  expect(found.at(-1)).toEqual([2, 'y, "z"']);
});

test("dates in other orders stay dates, in each mode", async () => {
  for (const mode of ["FAILFAST", "PERMISSIVE", "DROPMALFORMED"] as const) {
    const df = session.read.csv(await file("dates.csv", "d,n\n31/12/2020,1\n30/11/2021,2\n"), { mode });
    expect((await df.schema()).toJSON()).toEqual({ d: "date", n: "bigint" });
    expect(await df.selectExpr("CAST(d AS STRING) AS d").values("d")).toEqual(["2020-12-31", "2021-11-30"]);
  }
});

test("files come by their columns' names, with types that fit all, and none has other columns", async () => {
  const [a, b, c, none] = await Promise.all([
    file("1.csv", "a,b\n1,2\n"),
    file("2.csv", "\nb,a\n3,4.5\n"),
    file("3.csv", "a,b,c\n1,2,3\n"),
    file("4.csv", ""),
  ]);
  const df = session.read.csv([a, none, b, a]);
  expect((await df.schema()).toJSON()).toEqual({ a: "double", b: "bigint" });
  expect(await df.collect()).toEqual([
    { a: 1, b: 2 },
    { a: 4.5, b: 3 },
    { a: 1, b: 2 },
  ]);
  await expect(session.read.csv([a, c]).collect()).rejects.toThrow(
    `read.csv: the header of ${JSON.stringify(c)} ("a", "b", "c") is not that of ${JSON.stringify(a)} ("a", "b"); read them apart and join them with unionByName`,
  );
  const short = await file("5.csv", "a,b\n1\n");
  await expect(session.read.csv([a, short]).collect()).rejects.toThrow(
    `read.csv: line 2 of ${JSON.stringify(short)} ("1") must have 2 fields, got 1`,
  );
});

test("a header may go over lines, be named anew, and options may not name what is not there", async () => {
  const path = await file("header.csv", '"a\nb",c\n1,"x\ny"\n');
  expect(await session.read.csv([path, path], { header: true }).limit(1).collect()).toEqual([{ "a\nb": 1, c: "x\ny" }]);
  expect(await rows("1,2\n3,4\n", { header: false, names: ["x"] })).toEqual([
    [1, 2],
    [3, 4],
  ]);
  await expect(rows("a,b\n1,2\n", { names: ["x", "y", "z"] })).rejects.toThrow(/names has 3, but .* 2 columns$/);
  await expect(rows("a,b\n1,2\n", { types: { c: "int" } })).rejects.toThrow(
    'read.csv: types has "c", which is no column (there are "a", "b")',
  );
});

test("a file that has changed is looked into again", async () => {
  const path = await file("grows.csv", "a,b\n1,2\n");
  const df = session.read.csv(path);
  expect(await df.count()).toBe(1);
  await appendFile(path, "3,4\n");
  expect(await df.collect()).toHaveLength(2);
  await appendFile(path, "5\n");
  await expect(df.collect()).rejects.toThrow('("5") must have 2 fields, got 1');
});
