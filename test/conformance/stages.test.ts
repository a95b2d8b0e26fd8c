/** @file What every stage holds, found by discovery; a new stage needs an entry in examples.ts and nothing here. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import "../../src/stages/index.js";
import { fromArrowSchema } from "../../src/data/arrow-types.js";
import type { DataFrame } from "../../src/data/dataframe.js";
import { valueAt } from "../../src/data/rows.js";
import { Schema } from "../../src/data/schema.js";
import { DeepframeError, ParamError } from "../../src/errors.js";
import { load, loadEstimator } from "../../src/pipeline/load.js";
import { registeredStages, stageFromSpec } from "../../src/pipeline/registry.js";
import { Estimator, type Stage, Transformer } from "../../src/pipeline/stage.js";
import { loadTransformers, transformerNames } from "../../src/stages/transformers.js";
import { engines, type TestEngine } from "../engines.js";
import { examples, type StageExample } from "./examples.js";

const names = registeredStages().map(({ name }) => name);

test("every registered stage has an example in test/conformance/examples.ts", () => {
  expect(names.filter((name) => examples[name] === undefined)).toEqual([]);
});

test("workers find every registered transformer, and under its own name", async () => {
  const classes = new Map(registeredStages().map((Class) => [Class.name, Class]));
  const transformers = names.filter((name) => classes.get(name)!.prototype instanceof Transformer);
  expect(transformers.toSorted()).toEqual(transformerNames.toSorted());
  for (const type of transformers) await loadTransformers({ type, params: {}, assets: [] });
  for (const Class of registeredStages()) expect(Class, Class.name).toBe(classes.get(Class.name));
});

describe.each(engines)("on $name", (engine) => {
  describe.each(names.filter((name) => examples[name] !== undefined))("%s", (name) => {
    const example = examples[name]!;
    const rows = (count: number) => Array.from({ length: count }, (_, i) => example.row(i));
    const made = async () => example.make(engine);

    test("has defaults that it accepts, and a line on each parameter", async () => {
      const stage = await made();
      expect(stage.name).toBe(name);
      for (const [param, spec] of Object.entries(stage.specs)) {
        expect(spec.doc, param).toMatch(/\S/);
        if (spec.default === undefined) continue;
        expect(spec.accepts(spec.default), param).toBe(true);
        expect(dataOf(stage.with({ [param]: undefined }))).toEqual(dataOf(stage.with({ [param]: spec.default })));
      }
    });

    test("refuses each value beyond a declared limit, by name", async () => {
      const stage = await made();
      for (const [param, spec] of Object.entries(stage.specs)) {
        for (const broken of spec.broken) {
          const start = `${name}: ${param} must be ${spec.expected}, got `;
          expect(
            messageOf(() => stage.with({ [param]: broken })),
            `${param} = ${String(broken)}`,
          ).toContain(start);
        }
      }
      expect(() => stage.with({ nosuch: 1 } as object)).toThrow(`${name}: no parameter "nosuch" (it has `);
    });

    test("comes back from its data, and from a folder, as it was", async () => {
      const stage = await made();
      const spec = stage.toSpec();
      const assets = new Map(spec.assets.map((asset) => [asset.sha256, asset]));
      const json = JSON.parse(JSON.stringify(spec.params));
      expect(dataOf(stageFromSpec({ type: spec.type, params: json }, assets))).toEqual(dataOf(stage));
      const folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
      try {
        await stage.save(join(folder, "stage"));
        if (!(stage instanceof Transformer || stage instanceof Estimator)) return;
        const read = await (stage instanceof Transformer ? load : loadEstimator)(join(folder, "stage"));
        expect(dataOf(read)).toEqual(dataOf(stage));
        expect(await answersOf(read, example, engine, rows(9))).toEqual(
          await answersOf(stage, example, engine, rows(9)),
        );
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    test("names a column that is missing", async () => {
      const stage = await made();
      const other = Schema.of({ other: "string" });
      // a fitted index of labels is left out where the column is missing, as in Spark ML; SQL speaks for itself
      if (["StringIndexerModel", "Pipeline", "PipelineModel", "SqlTransformer"].includes(name)) return;
      expect(() => stage.transformSchema(other)).toThrow(
        /^\w+: no column "\w+" in the data \(it has "other"\); set \w+$/,
      );
    });

    const isTransforming = async () => {
      const stage = await made();
      return stage instanceof Transformer || stage instanceof Estimator;
    };

    test.each([
      ["no rows", 0],
      ["one row", 1],
      ["more rows than a batch", example.many ?? 20_000],
    ])("gives the columns it promises, and keeps those it got: %s", async (_, count) => {
      if (!(await isTransforming())) return;
      const stage = await made();
      const given = rows(count);
      const df = await engine.frame(given, example.types);
      const promised = await stage.schemaAfter(await df.schema());
      const model = await fitted(stage, await engine.frame(rows(30), example.types));
      const schema = await model.schemaAfter(await df.schema());
      expect(schema.names).toEqual(promised.names);
      if (stage === model) expect(schema.toJSON()).toEqual(promised.toJSON());
      const out = model.transform(df);
      expect((await out.schema()).toJSON()).toEqual(schema.toJSON());
      // a column that comes back with other values, or rows in another order, shows in any sample
      const sampled = (row: number) => row % 97 === 0 || row === count - 1;
      let row = 0;
      for await (const batch of out.batches()) {
        expect(fromArrowSchema(batch.schema).toJSON()).toEqual(schema.toJSON());
        for (let i = 0; i < batch.numRows; i++, row++) {
          if (!sampled(row)) continue;
          const kept = batch.schema.fields.map(({ name: column }, at) => [
            column,
            valueAt(batch.data.children[at]!, i),
          ]);
          expect(plain([Object.fromEntries(kept)])).toMatchObject(plain([given[row]!]) as object);
        }
      }
      expect(row).toBe(count);
    });

    test("answers without an engine as with one", async () => {
      if (!(await isTransforming())) return;
      const model = await fitted(await made(), await engine.frame(rows(30), example.types));
      const given = rows(20);
      const found = await model.transform(await engine.frame(given, example.types)).collect();
      const alone = await model.predictMany(given);
      expect(plain(alone)).toEqual(plain(found));
      expect(plain([await model.predictOne(given[1]!)])).toEqual(plain([found[1]!]));
      expect(await model.predictMany([])).toEqual([]);
    });

    test("takes nulls as rows, or says which row is bad", async () => {
      if (!(await isTransforming())) return;
      const model = await fitted(await made(), await engine.frame(rows(30), example.types));
      const nulls = Object.fromEntries(Object.keys(example.types).map((column) => [column, null]));
      const run = async () => model.transform(await engine.frame([example.row(0), nulls], example.types)).collect();
      const found = await run().catch((error: unknown) => error);
      if (found instanceof Error) {
        expect(found).toBeInstanceOf(DeepframeError);
        expect(found.message).toMatch(/row 1/);
      } else {
        expect((found as object[]).length).toBe(2);
      }
    });

    test("learns from nulls and from no rows, or says what is wrong", async () => {
      const stage = await made();
      if (!(stage instanceof Estimator)) return;
      const nulls = Object.fromEntries(Object.keys(example.types).map((column) => [column, null]));
      for (const given of [[], [nulls], [example.row(0), nulls]]) {
        const df = await engine.frame(given, example.types);
        const found = await stage.fit(df).catch((error: unknown) => error);
        if (found instanceof Error) expect(found, found.stack ?? "").toBeInstanceOf(DeepframeError);
        else expect(names).toContain((found as Stage).name);
      }
    });
  });
});

/** Everything a stage is: its assets by their hashes. */
function dataOf(stage: Stage): object {
  const { type, params, assets } = stage.toSpec();
  return { type, params: JSON.parse(JSON.stringify(params)), assets: assets.map(({ sha256 }) => sha256) };
}

async function fitted(stage: Stage, df: DataFrame): Promise<Transformer> {
  if (stage instanceof Transformer) return stage;
  return (stage as Estimator).fit(df);
}

async function answersOf(stage: Stage, { types }: StageExample, engine: TestEngine, rows: readonly object[]) {
  const df = await engine.frame(rows as [], types);
  return (await fitted(stage, df)).transform(df).collect();
}

/** Typed arrays as lists: rows of this process hold doubles where columns hold other numbers. */
function plain(rows: readonly unknown[]): unknown {
  const listed = (value: unknown): unknown => {
    if (ArrayBuffer.isView(value)) return Array.from(value as unknown as number[], listed);
    if (Array.isArray(value)) return value.map(listed);
    if (typeof value === "number" && !Number.isInteger(value)) return expect.closeTo(value, 5);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, listed(item)]));
  };
  return rows.map(listed);
}

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ParamError) return error.message;
    throw error;
  }
  return "no error";
}
