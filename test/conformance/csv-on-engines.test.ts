/** @file What every engine makes of CSV files whose rows do not fit, by the reader's `mode`, and what it says of them. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CsvOptions } from "../../src/data/reader.js";
import { engines } from "../engines.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-csv-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const types = { id: "int", name: "string", x: "double" };
const bad = "id,name,x\n1,Ada,0.5\n2,Alan\n3,Grace,1.5,9\nfour,Edsger,2\n5,Barbara,2.5\n";

describe.each(engines)("CSV on $name", ({ name, session }) => {
  let count = 0;
  async function read(texts: readonly string[], options: CsvOptions = {}) {
    const paths = texts.map((_, i) => join(folder, `${name}-${count}-${i}.csv`));
    count++;
    await Promise.all(texts.map((text, i) => writeFile(paths[i]!, text)));
    return { paths, df: (await session()).read.csv(paths, options) };
  }

  test("the first bad row is an error with file, line and both counts, in whatever file it is and whatever is asked", async () => {
    const good = "id,name,x\n1,Ada,0.5\n";
    for (const [line, text, fields] of [
      [3, "2,Alan", 2],
      [3, "3,Grace,1.5,9", 4],
    ] as const) {
      const { paths, df } = await read([good, `${good}${text}\n5,Barbara,2.5\n`], { header: true, delimiter: "," });
      const message = `read.csv: line ${line} of ${JSON.stringify(paths[1])} (${JSON.stringify(text)}) must have 3 fields, got ${fields}; mend it, or pass { mode: "DROPMALFORMED" } to leave out such rows, "PERMISSIVE" to pad and cut them`;
      await expect(df.collect()).rejects.toThrow(message);
      await expect(df.count()).rejects.toThrow(message);
      await expect(df.select("id").collect()).rejects.toThrow(message);
    }
  });

  test("a value that does not fit its type is an error that names file and line", async () => {
    const { paths, df } = await read(["id,name,x\n1,Ada,0.5\nfour,Edsger,2\n"], { header: true, types });
    await expect(df.collect()).rejects.toThrow(`read.csv: line 3 of ${JSON.stringify(paths[0])} ("four,Edsger,2"): `);
  });

  test("DROPMALFORMED leaves out bad rows, from counts too", async () => {
    const { df } = await read([bad], { header: true, types, mode: "DROPMALFORMED" });
    expect(await df.collect()).toEqual([
      { id: 1, name: "Ada", x: 0.5 },
      { id: 5, name: "Barbara", x: 2.5 },
    ]);
    expect(await df.count()).toBe(2);
    expect(await df.select("name").values("name")).toEqual(["Ada", "Barbara"]);
  });

  test("PERMISSIVE fills rows up, cuts them off, and makes null of what does not fit", async () => {
    const { df } = await read([bad], { header: true, types, mode: "permissive" });
    expect(await df.collect()).toEqual([
      { id: 1, name: "Ada", x: 0.5 },
      { id: 2, name: "Alan", x: null },
      { id: 3, name: "Grace", x: 1.5 },
      { id: null, name: "Edsger", x: 2 },
      { id: 5, name: "Barbara", x: 2.5 },
    ]);
    expect(await df.count()).toBe(5);
  });

  test("quotes in quoted texts are written twice, commas stay within, comments go where asked", async () => {
    const text = 'id,name,x\n# of old\n1,"Ada, ""the first""",0.5\n2,"",1\n';
    const { paths, df } = await read([text], { header: true, types, comment: "#" });
    const rows = [
      { id: 1, name: 'Ada, "the first"', x: 0.5 },
      { id: 2, name: null, x: 1 },
    ];
    expect(await df.collect()).toEqual(rows);
    await df.write.csv(`${paths[0]}.out.csv`);
    expect(await (await session()).read.csv(`${paths[0]}.out.csv`, { header: true, types }).collect()).toEqual(rows);
  });

  test("separators, backslashes before quotes and odd headers are looked up", async () => {
    for (const text of ["id\tname\n1\tx, y\n", "id;name\n1;x, y\n", "id|name\n1|x, y\n", '\nid,name\n1,"x, y"\n']) {
      expect(await (await read([text])).df.collect()).toEqual([{ id: 1, name: "x, y" }]);
    }
    const slashes = await read(['id,name\n1,"x \\"a, b\\" y"\n2,"z, \\"w\\""\n']);
    expect(await slashes.df.values("name")).toEqual(['x "a, b" y', 'z, "w"']);
    for (const header of ["a,a,b", "a,,b"]) {
      const { df } = await read([`${header}\n1,2,3\n`], { header: true });
      expect((await df.collect()).map((row) => Object.values(row))).toEqual([[1, 2, 3]]);
    }
  });

  test("texts over several lines are read where asked", async () => {
    const { df } = await read(['id,name,x\n1,"Ada\nLovelace",0.5\n'], { header: true, types, multiLine: true });
    expect(await df.values("name")).toEqual(["Ada\nLovelace"]);
  });

  test("a header that is not the first file's is an error", async () => {
    const { df } = await read(["id,name\n1,Ada\n", "id,city\n2,London\n"], { header: true });
    await expect(df.collect()).rejects.toThrow(
      /^read\.csv: the header of "[^"]*-[01].csv" \("id", "(city|name)"\) is not that of .* \("id", "(city|name)"\); read them apart/,
    );
  });

  test("options are checked", async () => {
    const reader = (await session()).read;
    expect(() => reader.csv("a.csv", { mode: "DROP" } as never)).toThrow(
      'read.csv: mode must be one of "FAILFAST", "PERMISSIVE", "DROPMALFORMED", got "DROP"',
    );
    expect(() => reader.csv("a.csv", { delimiter: "" })).toThrow('read.csv: delimiter must have a character, got ""');
    expect(() => reader.csv("a.csv", { sep: ";" } as never)).toThrow('read.csv: unknown option "sep"; there are ');
    const { df } = await read(["id\n1\n"], { header: true, types: { ID2: "int" } });
    await expect(df.collect()).rejects.toThrow('read.csv: types has "ID2", which is no column (there are "id")');
  });
});
