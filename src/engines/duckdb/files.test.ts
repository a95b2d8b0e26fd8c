/** @file Reading and writing files: folders, patterns, labels of pictures, messages, and nothing left behind. */

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Times } from "../../../test/fixtures/stages.js";
import { Session } from "../../session.js";

let session: Session;
let folder: string;
beforeAll(async () => {
  session = await Session.open();
});
afterAll(() => session.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const rows = [
  { id: 1, name: "a", v: Float32Array.of(1, 2, 3, 4) },
  { id: 2, name: null, v: Float32Array.of(5, 6, 7, 8) },
];
const types = { id: "int", name: "string", v: "float[2,2]" };

describe("parquet", () => {
  test("is read as it was written, tensor shapes included", async () => {
    const path = join(folder, "deep", "rows.parquet");
    await session.createDataFrame(rows, types).write.parquet(path);
    const df = session.read.parquet(path);
    expect((await df.schema()).toJSON()).toEqual(types);
    expect(await df.collect()).toEqual(rows);
    expect(await df.filter("id = 2").values("v")).toEqual([rows[1]!.v]);
  });

  test("is read from folders, patterns and lists", async () => {
    for (const id of [1, 2, 3]) {
      const path = join(folder, id < 3 ? "few" : "more", `${id}.parquet`);
      await session.createDataFrame([{ id }]).write.parquet(path);
    }
    await writeFile(join(folder, "few", "_SUCCESS"), "");
    const ids = (paths: string | string[]) => session.read.parquet(paths).orderBy("id").values("id");
    expect(await ids(folder)).toEqual([1, 2, 3]);
    expect(await ids(join(folder, "*", "*.parquet"))).toEqual([1, 2, 3]);
    expect(await ids(join(folder, "**", "[13].parquet"))).toEqual([1, 3]);
    expect(await ids(join(folder, "{few,more}", "1.parquet"))).toEqual([1]);
    expect(await ids([join(folder, "few", "1.parquet"), join(folder, "more")])).toEqual([1, 3]);
  });

  test("of rows that stages made is written as they come", async () => {
    const path = join(folder, "rows.parquet");
    const df = session.createDataFrame(rows, types).withStage(new Times({ inputCol: "id", outputCol: "twice" }));
    await df.write.parquet(path, { compression: "snappy" });
    expect(await session.read.parquet(path).values("twice")).toEqual([2, 4]);
  });

  test("is not overwritten unasked, and survives a failure", async () => {
    const path = join(folder, "rows.parquet");
    const df = session.createDataFrame(rows, types);
    await df.write.parquet(path);
    await expect(df.write.parquet(path)).rejects.toThrow(
      `write.parquet: ${JSON.stringify(path)} exists already; pass { overwrite: true } to replace it`,
    );
    const broken = df
      .withColumn("id", "CASE WHEN id = 2 THEN NULL ELSE id END")
      .withStage(new Times({ inputCol: "id", outputCol: "twice", handleInvalid: "error" }));
    await expect(broken.write.parquet(path, { overwrite: true })).rejects.toThrow(
      'Times: row 1 of column "id" is null',
    );
    expect(await session.read.parquet(path).count()).toBe(2);
    await df.limit(1).write.parquet(path, { overwrite: true });
    expect(await session.read.parquet(path).count()).toBe(1);
    expect(await readdir(folder)).toEqual(["rows.parquet"]);
    await expect(df.write.parquet(folder)).rejects.toThrow("is a folder; give a file name");
  });
});

describe("csv and json", () => {
  test("are read with their types found, or said", async () => {
    const path = join(folder, "a.csv");
    await writeFile(path, "id;zip;name\n1;00501;Ada\n2;94103;-\n");
    const found = session.read.csv(path);
    expect((await found.schema()).toJSON()).toEqual({ id: "bigint", zip: "string", name: "string" });
    const told = session.read.csv(path, { nullValue: "-", types: { zip: "int" } });
    expect(await told.collect()).toEqual([
      { id: 1, zip: 501, name: "Ada" },
      { id: 2, zip: 94103, name: null },
    ]);
    await writeFile(join(folder, "b.csv.gz"), gzipSync("1,2\n3,4\n"));
    const named = session.read.csv(join(folder, "b.csv.gz"), { header: false, names: ["x", "y"] });
    expect(await named.collect()).toEqual([
      { x: 1, y: 2 },
      { x: 3, y: 4 },
    ]);
  });

  test("are written and read again", async () => {
    const df = session.createDataFrame([
      { a: 1, b: "x, y" },
      { a: 2.5, b: null },
    ]);
    await df.write.csv(join(folder, "a.csv"));
    expect(await readFile(join(folder, "a.csv"), "utf8")).toBe('a,b\n1.0,"x, y"\n2.5,\n');
    expect(await session.read.csv(join(folder, "a.csv")).collect()).toEqual(await df.collect());
    await df.write.json(join(folder, "a.json"));
    expect(await readFile(join(folder, "a.json"), "utf8")).toBe('{"a":1.0,"b":"x, y"}\n{"a":2.5,"b":null}\n');
    expect(await session.read.json(join(folder, "a.json")).collect()).toEqual(await df.collect());
  });

  test("refuse options that do not exist", async () => {
    const df = session.createDataFrame([{ a: 1 }]);
    const wrong = { sep: ";" } as object;
    await expect(df.write.csv(join(folder, "a.csv"), wrong)).rejects.toThrow(
      'write.csv: unknown option "sep"; there are "header", "delimiter", "overwrite", "signal"',
    );
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("pictures and whole files", () => {
  beforeEach(async () => {
    for (const path of ["dogs/b.jpg", "dogs/a.PNG", "cats/c.webp", "cats/notes.txt", "cats/.hidden.jpg"]) {
      const file = join(folder, path);
      await mkdir(join(file, ".."), { recursive: true });
      await writeFile(file, path);
    }
  });

  test("come sorted by path, with the folder's name as label", async () => {
    const df = session.read.images(folder, { labelFromFolder: true });
    expect(df.knownSchema?.toJSON()).toEqual({ path: "string", image: "binary", label: "string" });
    const found = await df.collect();
    expect(found.map(({ path, label }) => [path, label])).toEqual([
      [join(folder, "cats/c.webp"), "cats"],
      [join(folder, "dogs/a.PNG"), "dogs"],
      [join(folder, "dogs/b.jpg"), "dogs"],
    ]);
    expect(found.map(({ image }) => Buffer.from(image as Uint8Array).toString())).toEqual([
      "cats/c.webp",
      "dogs/a.PNG",
      "dogs/b.jpg",
    ]);
    expect(session.read.images(folder, { labelFromFolder: "kind" }).knownSchema?.names).toEqual([
      "path",
      "image",
      "kind",
    ]);
  });

  test("are not read to count, split or group them", async () => {
    const df = session.read.images(folder, { labelFromFolder: true });
    expect(await df.count()).toBe(3);
    await rm(join(folder, "dogs/b.jpg"));
    expect(await df.count()).toBe(3);
    expect(await df.groupBy("label").count().orderBy("label").collect()).toEqual([
      { label: "cats", count: 1 },
      { label: "dogs", count: 2 },
    ]);
    const [a, b] = df.randomSplit([0.5, 0.5], { seed: 1 });
    expect((await a.count()) + (await b.count())).toBe(3);
    expect(await df.filter("label = 'cats'").values("path")).toEqual([join(folder, "cats/c.webp")]);
    await expect(df.collect()).rejects.toThrow(`read: cannot read "${join(folder, "dogs/b.jpg")}": ENOENT`);
  });

  test("of several folders are one list of files, read where they are used", async () => {
    const read = (name: string) => session.read.images(join(folder, name), { labelFromFolder: true });
    const df = read("dogs").union(read("cats")).union(read("dogs"));
    expect((await df.explain()).split("\n").map((line) => line.trim().replace(/:.*/, ""))).toEqual([
      "Sql read",
      "+- Stage ReadFiles (64 rows per task) image",
      "+- Sql union",
      "+- Sql union",
      "+- Rows 2 [path, label]",
      "+- Rows 1 [path, label]",
      "+- Rows 2 [path, label]",
    ]);
    const found = await df.orderBy("path").collect();
    expect(found.map(({ label, image }) => [label, Buffer.from(image as Uint8Array).toString()])).toEqual([
      ["cats", "cats/c.webp"],
      ["dogs", "dogs/a.PNG"],
      ["dogs", "dogs/a.PNG"],
      ["dogs", "dogs/b.jpg"],
      ["dogs", "dogs/b.jpg"],
    ]);
    const other = session.read
      .images(join(folder, "cats"), { labelFromFolder: "label" })
      .select("label", "image", "path");
    expect(await read("dogs").unionByName(other).values("path")).toHaveLength(3);
    expect(
      await read("dogs")
        .union(session.createDataFrame([{ path: "x", image: null, label: "y" }]))
        .count(),
    ).toBe(3);
  });

  test("can be asked in SQL", async () => {
    const df = session.read.images(folder);
    expect(await df.selectExpr("octet_length(image) AS bytes").orderBy("bytes").values("bytes")).toEqual([10, 10, 11]);
  });

  test("come as whole files of any kind", async () => {
    const df = session.read.binaryFiles(join(folder, "cats"));
    expect(await df.select("path", "length").collect()).toEqual([
      { path: join(folder, "cats/c.webp"), length: 11 },
      { path: join(folder, "cats/notes.txt"), length: 14 },
    ]);
    expect((await df.first())!.content).toEqual(new TextEncoder().encode("cats/c.webp"));
  });

  test("that are not there are named, with what is near", async () => {
    await expect(session.read.images(join(folder, "dog")).collect()).rejects.toThrow(
      `read.images: ${JSON.stringify(join(folder, "dog"))} does not exist; did you mean "dogs"?`,
    );
    await expect(session.read.images(join(folder, "x/y")).count()).rejects.toThrow(
      `read.images: ${JSON.stringify(join(folder, "x/y"))} does not exist; the folder ${JSON.stringify(join(folder, "x"))} is missing too`,
    );
    await expect(session.read.parquet(join(folder, "cats")).schema()).rejects.toThrow(
      `read.parquet: no parquet files in ${JSON.stringify(join(folder, "cats"))} (it has "c.webp", "notes.txt")`,
    );
    await expect(session.read.csv(join(folder, "*.csv")).schema()).rejects.toThrow(
      `read.csv: no csv files match ${JSON.stringify(join(folder, "*.csv"))}`,
    );
    await expect(session.read.parquet("s3://bucket/x.parquet").schema()).rejects.toThrow(
      'read.parquet: "s3://bucket/x.parquet" is not on this machine; download it first',
    );
  });
});

describe("libsvm and idx", () => {
  test("libsvm lines become labels and dense vectors", async () => {
    const path = join(folder, "a.libsvm");
    await writeFile(path, "1 1:0.5 3:2\n\n-1 2:-1.5 # a note\n");
    const df = session.read.libsvm(path);
    expect((await df.schema()).toJSON()).toEqual({ label: "double", features: "double[3]" });
    expect(await df.collect()).toEqual([
      { label: 1, features: Float64Array.of(0.5, 0, 2) },
      { label: -1, features: Float64Array.of(0, -1.5, 0) },
    ]);
    expect((await session.read.libsvm(path, { numFeatures: 5 }).schema()).toJSON().features).toBe("double[5]");
  });

  test("idx files become columns of one table", async () => {
    const image = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4);
    const label = Uint8Array.of(0, 0, 11, 1, 0, 0, 0, 2, 0, 7, 255, 255);
    await writeFile(join(folder, "image"), gzipSync(image));
    await writeFile(join(folder, "label"), label);
    const df = session.read.idx({ image: join(folder, "image"), label: join(folder, "label") });
    expect((await df.schema()).toJSON()).toEqual({ image: "utinyint[1,2]", label: "smallint" });
    expect(await df.filter("label < 0").collect()).toEqual([{ image: Uint8Array.of(3, 4), label: -1 }]);
    await writeFile(join(folder, "short"), label.subarray(0, 10));
    await expect(session.read.idx(join(folder, "short")).count()).rejects.toThrow(
      `read.idx: ${JSON.stringify(join(folder, "short"))} has 2 bytes of data, its header says 4`,
    );
  });
});
