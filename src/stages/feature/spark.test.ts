/** @file The feature stages give what Spark ML gives, on the stored cases of test/reference/spark_features.py. */

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

import { engines } from "../../../test/engines.js";
import { applyStage } from "../../../test/stages.js";
import { Schema } from "../../data/schema.js";
import { Estimator, type Transformer } from "../../pipeline/stage.js";
import { Bucketizer } from "./bucketizer.js";
import { Imputer } from "./imputer.js";
import { IndexToString } from "./index-to-string.js";
import { MinMaxScaler } from "./min-max-scaler.js";
import { OneHotEncoder } from "./one-hot-encoder.js";
import { StandardScaler } from "./standard-scaler.js";
import { StringIndexer } from "./string-indexer.js";
import { VectorAssembler } from "./vector-assembler.js";

interface Case {
  readonly name: string;
  readonly stage: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly types: Readonly<Record<string, string>>;
  readonly rows: readonly (readonly unknown[])[];
  readonly fit?: readonly (readonly unknown[])[];
  readonly learned?: Readonly<Record<string, unknown>>;
  readonly types_out?: Readonly<Record<string, string>>;
  readonly result?: readonly (readonly unknown[])[];
  readonly fails?: string;
}

const root = resolve(import.meta.dirname, "../../../..");
const file = join(root, "test/reference/spark-features.json");
const { cases, spark } = JSON.parse(readFileSync(file, "utf8")) as { cases: Case[]; spark: string };

type Make = (params: never) => Transformer | Estimator;

const stages: Readonly<Record<string, Make>> = {
  VectorAssembler: (params) => new VectorAssembler(params),
  IndexToString: (params) => new IndexToString(params),
  Bucketizer: (params) => new Bucketizer(params),
  StringIndexer: (params) => new StringIndexer(params),
  OneHotEncoder: (params) => new OneHotEncoder(params),
  StandardScaler: (params) => new StandardScaler(params),
  MinMaxScaler: (params) => new MinMaxScaler(params),
  Imputer: (params) => new Imputer(params),
};

/** Cases in which we refuse what Spark ML lets pass. */
const refused = [
  "StandardScaler, NaN in the fit", // Spark ML learns NaN
  "StandardScaler, another length", // Spark ML scales the places there are
  "OneHotEncoder, nothing to fit on", // an empty vector
];

describe.each(engines)("on $name", ({ frame }) => {
  describe.each(Object.keys(stages))(`%s gives what Spark ML ${spark} gives`, (stage) => {
    const ours = cases.filter((c) => c.stage === stage);
    test.each(ours.map((c) => [c.name, c] as const))("%s", async (_, c) => {
      const types = typesOf(c.types);
      const names = Object.keys(types);
      const rows = rowsOf(c.rows, names);
      const run = async () => {
        const made = stages[stage]!(decode(c.params) as never);
        const isEstimator = made instanceof Estimator;
        const model = isEstimator ? await made.fit(await frame(rowsOf(c.fit!, names), types)) : made;
        const result = await model.transform(await frame(rows, types)).collect();
        return { model, result, alone: await applyStage(model, rows, Schema.of(types)) };
      };
      if (c.fails !== undefined || refused.includes(`${stage}, ${c.name}`)) {
        return expect(run()).rejects.toThrow(/^\w+: /);
      }
      const { model, result, alone } = await run();
      expect(model.params).toMatchObject(close([learnedOf(c)])[0] as object);
      const expected = close(rowsOf(c.result!, [...names, ...Object.keys(c.types_out!)]));
      expect(plain(result)).toEqual(expected);
      expect(plain(alone)).toEqual(expected);
    });
  });
});

/** Labels stay as they are: "Infinity" is one. */
function learnedOf({ learned = {} }: Case): object {
  return "labelsArray" in learned ? learned : (decode(learned) as object);
}

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
