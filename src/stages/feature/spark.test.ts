/** @file The feature stages give what Spark ML gives, on the stored cases of test/reference/spark_features.py. */

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

import { applyStage } from "../../../test/stages.js";
import { Schema } from "../../data/schema.js";
import type { Transformer } from "../../pipeline/stage.js";
import { Bucketizer } from "./bucketizer.js";
import { IndexToString } from "./index-to-string.js";
import { VectorAssembler } from "./vector-assembler.js";

interface Case {
  readonly name: string;
  readonly stage: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly types: Readonly<Record<string, string>>;
  readonly rows: readonly (readonly unknown[])[];
  readonly types_out?: Readonly<Record<string, string>>;
  readonly result?: readonly (readonly unknown[])[];
  readonly fails?: string;
}

const root = resolve(import.meta.dirname, "../../../..");
const file = join(root, "test/reference/spark-features.json");
const { cases, spark } = JSON.parse(readFileSync(file, "utf8")) as { cases: Case[]; spark: string };

const stages: Readonly<Record<string, (params: object) => Transformer>> = {
  VectorAssembler: (params) => new VectorAssembler(params as never),
  IndexToString: (params) => new IndexToString(params as never),
  Bucketizer: (params) => new Bucketizer(params as never),
};

describe.each(Object.keys(stages))(`%s gives what Spark ML ${spark} gives`, (stage) => {
  test.each(cases.filter((each) => each.stage === stage).map((each) => [each.name, each] as const))(
    "%s",
    async (_, c) => {
      const model = stages[stage]!(decode(c.params) as object);
      const schema = Schema.of(typesOf(c.types));
      const rows = rowsOf(c.rows, Object.keys(c.types));
      if (c.fails !== undefined) return expect(applyStage(model, rows, schema)).rejects.toThrow(/^\w+: /);
      const names = [...Object.keys(c.types), ...Object.keys(c.types_out!)];
      expect(plain(await applyStage(model, rows, schema))).toEqual(close(rowsOf(c.result!, names)));
    },
  );
});

/** NaN and infinities are strings in the file. */
function decode(value: unknown): unknown {
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
  if (Array.isArray(value)) return value.map(decode);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, decode(item)]));
}

function typesOf(types: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(types).map(([name, type]) => [name, type === "vector" ? "array<double>" : type]),
  );
}

function rowsOf(rows: readonly (readonly unknown[])[], names: readonly string[]): Record<string, unknown>[] {
  return rows.map((row) => Object.fromEntries(names.map((name, i) => [name, decode(row[i])])));
}

/** Typed arrays as lists. */
function plain(rows: readonly object[]): object[] {
  return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, listOf(value)])));
}

function listOf(value: unknown): unknown {
  return ArrayBuffer.isView(value) ? Array.from(value as Float64Array) : value;
}

/** Equal within float32's precision: vectors are float32 here and doubles in Spark. */
function close(rows: readonly object[]): unknown[] {
  const near = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(near);
    if (typeof value !== "number" || !Number.isFinite(value) || Number.isInteger(value)) return value;
    return expect.closeTo(value, 5);
  };
  return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, near(value)])));
}
