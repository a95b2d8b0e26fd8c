/** @file What every engine must hold when functions of the user's run over its rows. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { UserFunction } from "../../src/data/user-function.js";
import { load } from "../../src/pipeline/load.js";
import { PipelineModel } from "../../src/pipeline/pipeline.js";
import "../../src/stages/index.js";
import { MapRows } from "../../src/stages/code/map-rows.js";
import { Bucketizer } from "../../src/stages/feature/bucketizer.js";
import { engines } from "../engines.js";

const module = new URL("../../../test/fixtures/user/clean.ts", import.meta.url);
const fn = (name: string): UserFunction => ({ module, export: name });
const texts = [
  { id: 0, text: "a b  c" },
  { id: 1, text: null },
  { id: 2, text: "d" },
];

describe.each(engines)("functions of the user's on $name", ({ frame, session }) => {
  const three = () => frame(texts, { id: "int", text: "string" });
  const many = () =>
    frame(
      Array.from({ length: 3000 }, (_, i) => ({ id: i, x: i / 2 })),
      { id: "int", x: "double" },
    );

  test("add columns to rows; nulls come and go", async () => {
    const df = (await three()).mapRows(fn("words"), { adds: { words: "int" } });
    expect(await df.collect()).toEqual([
      { ...texts[0], words: 3 },
      { ...texts[1], words: null },
      { ...texts[2], words: 1 },
    ]);
    expect(await df.filter("words > 1").values("id")).toEqual([0]);
    expect(await df.filter("id > 0").values("words")).toEqual([null, 1]);
  });

  test("make rows of rows: none, one or several, under names that stood for something else", async () => {
    const df = (await three()).mapRows({ module }, { schema: { id: "int", word: "string" } });
    expect(await df.collect()).toEqual([
      { id: 0, word: "a" },
      { id: 0, word: "b" },
      { id: 0, word: "" },
      { id: 0, word: "c" },
      { id: 2, word: "d" },
    ]);
    expect(await df.filter("id = 0").limit(2).values("word")).toEqual(["a", "b"]);
    expect(await df.count()).toBe(5);
  });

  test("may be asynchronous, get options, and run after and before other stages", async () => {
    const df = (await three()).mapRows(fn("later"), { adds: { long: "string" }, options: { suffix: "!" } });
    expect(await df.values("long")).toEqual(["a b  c!", "!", "d!"]);
    const scaled = (await many())
      .mapBatches(fn("scale"), { adds: { y: "double" }, options: { by: 2 }, columns: ["x"], batchSize: 700 })
      .withStage(new Bucketizer({ inputCol: "y", outputCol: "b", splits: [0, 1000, 3000] }));
    expect(await scaled.groupBy("b").agg({ n: "count(*)", most: "max(y)" }).orderBy("b").collect()).toEqual([
      { b: 0, n: 1000, most: 999 },
      { b: 1, n: 2000, most: 2999 },
    ]);
  });

  test("give batches as Arrow tables, and the batch itself", async () => {
    const df = (await three()).mapBatches(fn("asArrow"), { schema: { at: "int", name: "string" }, batchSize: 3 });
    const rows = await df.collect();
    expect(rows.length).toBe(3);
    expect(rows[0]).toEqual({ at: 0, name: "row 0" });
    const same = (await three()).mapBatches(fn("same"), { schema: { id: "int", text: "string" } });
    expect(await same.collect()).toEqual(texts);
  });

  test("are not called for no rows", async () => {
    const df = (await three()).filter("id > 9").mapBatches(fn("failing"), { schema: { y: "double" } });
    expect(await df.collect()).toEqual([]);
    expect((await df.toArrow()).schema.names).toEqual(["y"]);
  });

  test("fail with the user's file and line, and the row", async () => {
    const bad = (
      await frame(
        [
          { id: 0, text: "good" },
          { id: 1, text: "bad" },
        ],
        { id: "int", text: "string" },
      )
    )
      .mapRows(fn("later"), { adds: { long: "string" }, options: { suffix: "" } })
      .collect();
    await expect(bad).rejects.toThrow(/^MapRows\(later\): failed at .* in words\.ts:8: RangeError: this text is bad$/);
    await expect(bad).rejects.toMatchObject({ name: "DataError", code: "USER_CODE", fields: { line: 8 } });
    const batches = (await three()).mapBatches(fn("failing"), { schema: { y: "double" }, batchSize: 3 }).collect();
    await expect(batches).rejects.toThrow(
      /^MapBatches\(failing\): failed on the batch that begins at .* in clean\.ts:44: no use for/,
    );
  });

  test("are told by name when they give other columns than said", async () => {
    const rows = async (name: string) => (await three()).mapRows(fn(name), { adds: { words: "int" } }).collect();
    await expect(rows("wrong")).rejects.toThrow(/^MapRows\(wrong\): .* must be int, got string "many"$/);
    await expect(rows("extra")).rejects.toThrow(
      'MapRows(extra): gave column "letters", which adds lacks (it has words int); add it there, or leave it out',
    );
    await expect(rows("nothing")).rejects.toThrow(
      /^MapRows\(nothing\): gave nothing for .*, expected a row \(an object\)$/,
    );
    const batches = async (name: string, type: string) =>
      (await three()).mapBatches(fn(name), { adds: { y: type }, batchSize: 3 }).collect();
    await expect(batches("short", "double")).rejects.toThrow("MapBatches(short): gave 1 rows for");
    await expect(batches("same", "double")).rejects.toThrow('MapBatches(same): gave no column "y" (double)');
    const other = (await three()).mapBatches(fn("same"), { schema: { id: "string", text: "string" } }).collect();
    await expect(other).rejects.toThrow('MapBatches(same): gave column "id" as int, expected string');
  });

  test("refuse closures, strings, and modules that lack the function, before any work", async () => {
    const df = await three();
    const how = 'pass { module: new URL("./clean.ts", import.meta.url), export: "clean" }';
    expect(() => df.mapRows((() => ({})) as unknown as UserFunction, { adds: { y: "int" } })).toThrow(
      `mapRows: a function value cannot go to other threads and machines, for what it captures stays here; put it into a module and ${how}`,
    );
    expect(() => df.mapRows({ module: "./x.ts" } as unknown as UserFunction, { adds: { y: "int" } })).toThrow(
      `mapRows: module must be the URL of a file, got "./x.ts"; ${how}`,
    );
    expect(() => df.mapRows({ module }, {})).toThrow("MapRows: say what comes out: either { schema: {…} }");
    expect(() => df.mapRows({ module }, { adds: { id: "int" } })).toThrow(
      'MapRows: column "id" is already in the data',
    );
    await expect(df.mapRows(fn("clen"), { adds: { y: "int" } }).collect()).rejects.toThrow(
      'MapRows: clean.ts has no export "clen" (it has ',
    );
    await expect(df.mapRows(fn("text"), { adds: { y: "int" } }).collect()).rejects.toThrow(
      'MapRows(text): "text" is no function in the module (functions: ',
    );
    const missing = df.mapRows({ module: new URL("./none.ts", import.meta.url) }, { adds: { y: "int" } });
    await expect(missing.collect()).rejects.toThrow(/^MapRows: cannot bundle none\.ts: /);
  });

  test("are saved with their code, and are SQL functions", async () => {
    const folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
    try {
      const stage = new MapRows({ module: module.href, export: "words", adds: { words: "int" }, columns: ["text"] });
      await new PipelineModel([stage]).save(join(folder, "model"));
      const model = await load(join(folder, "model"));
      expect(await model.transform(await three()).values("words")).toEqual([3, null, 1]);
      expect((await model.predictOne({ text: "x y" })).words).toBe(2);
      const open = await session();
      await open.registerFunction("words", model, { inputs: { text: "string" }, replace: true });
      expect(await (await three()).selectExpr("words(text) AS n").values("n")).toEqual([3, null, 1]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
