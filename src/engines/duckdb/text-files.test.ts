/** @file Text files that cannot be read or written as asked: each error is one sentence with file, line and what to do. */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Session } from "../../session.js";

let session: Session;
let folder: string;
beforeAll(async () => {
  session = await Session.open();
  folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
});
afterAll(async () => {
  await session.close();
  await rm(folder, { recursive: true, force: true });
});

async function file(name: string, text: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe("csv", () => {
  test("a value that does not fit names file, line, column and the option to give", async () => {
    const path = await file("late.csv", `a\n${"1\n".repeat(30_000)}x\n`);
    await expect(session.read.csv(path).collect()).rejects.toThrow(
      `read.csv: line 30002 of ${JSON.stringify(path)} ("x"): Error when converting column "a". ` +
        `Could not convert string "x" to 'BIGINT'; give its type, as in { types: { "a": "string" } }`,
    );
    expect(await session.read.csv(path, { types: { a: "string" } }).count()).toBe(30_001);
  });

  test("a row with more or fewer fields than the header is an error with file, line and both counts", async () => {
    const short = await file("short.csv", "a,b,c\n1,2,3\n4,5\n6,7,8\n");
    const long = await file("long.csv", "a;b\n1;2\n3;4;5\n6;7\n");
    const message = `read.csv: line 3 of ${JSON.stringify(short)} ("4,5") must have 3 fields, got 2; mend it, or pass { mode: "DROPMALFORMED" } to leave out such rows, "PERMISSIVE" to pad and cut them`;
    await expect(session.read.csv(short).collect()).rejects.toThrow(message);
    await expect(session.read.csv(short, { header: true, delimiter: "," }).collect()).rejects.toThrow(message);
    await expect(session.read.csv(long).collect()).rejects.toThrow(
      `read.csv: line 3 of ${JSON.stringify(long)} ("3;4;5") must have 2 fields, got 3`,
    );
  });

  test("texts of one column may hold commas", async () => {
    const path = await file("texts.csv", "text, as it was said\nhello\nwell\n");
    expect(await session.read.csv(path, { header: true }).count()).toBe(2);
    const quoted = await file("quoted.csv", `"a,b"\n"1,2"\n3\n`);
    expect(await session.read.csv(quoted, { header: true }).values("a,b")).toEqual(["1,2", "3"]);
  });

  test("another encoding than UTF-8 is told", async () => {
    const path = await file("latin.csv", Buffer.from("a\ncaf\xe9\n", "latin1"));
    await expect(session.read.csv(path).collect()).rejects.toThrow(/^read.csv: line 2 of .*; save the file as UTF-8$/);
  });

  test.each(["csv", "json"] as const)("%s is compressed where the name ends in .gz, and read back", async (format) => {
    const path = join(folder, `rows.${format}.gz`);
    await session.createDataFrame([{ a: 1 }], { a: "int" }).write[format](path);
    expect(gunzipSync(await readFile(path)).toString()).toBe(format === "csv" ? "a\n1\n" : '{"a":1}\n');
    expect(await session.read[format](path).collect()).toEqual([{ a: 1 }]);
  });
});

test("writing below a file, with Spark's mode or by a wrong size is an error", async () => {
  const df = session.createDataFrame([{ a: 1 }]);
  const below = join(await file("plain", ""), "x.csv");
  await expect(df.write.csv(below)).rejects.toThrow(
    `write.csv: cannot make the folder ${JSON.stringify(join(folder, "plain"))}: EEXIST`,
  );
  await expect(df.write.csv(join(folder, "m.csv"), { mode: "append" } as never)).rejects.toThrow(
    'write.csv: unknown option "mode"; pass { overwrite: true } to replace what is at the path',
  );
  await expect(df.write.parquet(join(folder, "m.parquet"), { rowGroupSize: 0.5 })).rejects.toThrow(
    "write.parquet: rowGroupSize must be a whole number of at least 1, got 0.5",
  );
});

describe("libsvm", () => {
  const read = async (text: string, numFeatures?: number) =>
    session.read.libsvm(await file("rows.libsvm", text), numFeatures === undefined ? {} : { numFeatures }).collect();

  test("rows without features, gaps, comments and any order of indices are read", async () => {
    expect(await read("# all\n1 3:1 1:0.5 # end\r\n\n0\n\t-1\t2:2 \n")).toEqual([
      { label: 1, features: Float64Array.of(0.5, 0, 1) },
      { label: 0, features: Float64Array.of(0, 0, 0) },
      { label: -1, features: Float64Array.of(0, 2, 0) },
    ]);
    expect(await read("7\n", 2)).toEqual([{ label: 7, features: Float64Array.of(0, 0) }]);
  });

  test.each(["x 1:1", "1 0:1 1:1", "1 1:1 a:1", "1 1:x", "1 1:", "1 2:1 2:1"])(
    "the line %s is an error",
    async (line) => {
      await expect(read(`1 1:1\n${line}\n`)).rejects.toThrow(
        `the LIBSVM line "${line}" must be a label and index:value pairs, with indices from 1, each once`,
      );
    },
  );

  test("indices beyond numFeatures are an error, as is a file that has none", async () => {
    await expect(read("1 1:1 5:2\n", 3)).rejects.toThrow(
      'the LIBSVM line "1 1:1 5:2" has an index beyond numFeatures, 3; make it larger',
    );
    await expect(read("1\n")).rejects.toThrow(
      "read.libsvm: no line has features, as in 1 1:0.5 3:2; set numFeatures if that is right",
    );
  });
});

test("a statement that is no query says how to write it as one", async () => {
  await expect(session.sql("DESCRIBE SELECT 1 AS x").collect()).rejects.toThrow(
    "only queries run here; put DESCRIBE and SUMMARIZE in brackets, as in SELECT * FROM (DESCRIBE people)",
  );
  await session.createDataFrame([{ x: 1 }]).createOrReplaceTempView("people");
  expect(await session.sql("SELECT * FROM (DESCRIBE SELECT * FROM people)").values("column_name")).toEqual(["x"]);
});

test("SHOW TABLES tells views and tables, alone and in a query", async () => {
  await using own = await Session.open();
  await own.createDataFrame([{ x: 1 }]).createOrReplaceTempView("People");
  await own.sql("CREATE TABLE fruits AS SELECT 1 AS n").collect();
  expect(await own.sql("show tables;").values("name")).toEqual(["fruits", "people"]);
  expect(await own.sql("SELECT name, '(SHOW TABLES)' AS q FROM (SHOW TABLES) WHERE name > 'g'").collect()).toEqual([
    { name: "people", q: "(SHOW TABLES)" },
  ]);
});

test("an array of JSON behind a byte order mark is its elements, beside other files too", async () => {
  const marked = await file("marked.json", '\ufeff[\n  {"a":1},\n  {"a":2.5}\n]\n');
  const zipped = await file("marked.json.gz", gzipSync('\ufeff[{"a":3}]'));
  const lines = await file("lines.json", '\ufeff{"a":4}\n');
  expect(await session.read.json(marked).collect()).toEqual([{ a: 1 }, { a: 2.5 }]);
  expect(await session.read.json([lines, zipped, marked]).values("a")).toEqual([4, 3, 1, 2.5]);
});
