/** @file Models as functions: what is an argument, what comes out, nulls, bad rows; without an engine. */

import { describe, expect, test } from "vitest";
import { batchToRows, type Row, rowsToBatch } from "../data/rows.js";
import { Schema } from "../data/schema.js";
import { formatType } from "../data/types.js";
import { PipelineModel } from "../pipeline/pipeline.js";
import { Bucketizer } from "../stages/feature/bucketizer.js";
import { ImputerModel } from "../stages/feature/imputer.js";
import { StringIndexerModel } from "../stages/feature/string-indexer.js";
import { VectorAssembler } from "../stages/feature/vector-assembler.js";
import { ImageFeaturizer } from "../stages/image/image-featurizer.js";
import { functionOf } from "./function-of.js";
import type { ModelFunction } from "./model-function.js";

const size = new StringIndexerModel({ inputCol: "size", outputCol: "sizeIndex", labelsArray: [["S", "M", "L"]] });
const label = new StringIndexerModel({ inputCol: "label", outputCol: "labelIndex", labelsArray: [["a"]] });
const vector = new VectorAssembler({ inputCols: ["sizeIndex", "weight"], outputCol: "features" });
const bucket = new Bucketizer({ inputCol: "x", outputCol: "b", splits: [0, 1, 2] });

async function call(fn: ModelFunction, rows: readonly Row[], types: Readonly<Record<string, string>>) {
  const schema = Schema.of(types);
  const apply = await fn.open(schema, { warn: () => {} });
  return batchToRows(await apply(rowsToBatch(rows, schema))).map(({ result }) => result);
}

describe("a model as a function", () => {
  test("takes the columns that its stages read and do not make, and gives what its last stage adds", () => {
    const fn = functionOf("f", new PipelineModel([label, size, vector]), {});
    expect(fn.signature).toBe("f(size string, weight double)");
    expect(formatType(fn.result)).toBe("float[2]");
    const image = functionOf("g", new ImageFeaturizer({ inputCol: "image", outputCol: "features" }), {});
    expect(image.signature).toBe("g(image binary)");
  });

  test("gives a struct of several outputs, or the chosen ones", () => {
    const two = new StringIndexerModel({
      inputCols: ["p", "q"],
      outputCols: ["i", "j"],
      labelsArray: [["a"], ["b"]],
    });
    expect(formatType(functionOf("f", two, { inputs: ["p", "q"] }).result)).toBe("struct<i:double,j:double>");
    expect(formatType(functionOf("f", two, { inputs: ["p", "q"], outputCol: "j" }).result)).toBe("double");
    expect(formatType(functionOf("f", two, { inputs: ["q", "p"], outputCol: ["j"] }).result)).toBe("struct<j:double>");
  });

  test("takes other types where the model does, and says what it takes where it does not", async () => {
    const fn = functionOf("f", new PipelineModel([size, vector]), {});
    const rows = [{ a: "M", b: 3 }];
    expect(await call(fn, rows, { a: "string", b: "int" })).toEqual([Float32Array.of(1, 3)]);
    await expect(call(fn, rows, { a: "string" })).rejects.toThrow(
      "f: takes 2 arguments (size string, weight double), got 1",
    );
    await expect(call(fn, [], { a: "string", b: "string" })).rejects.toThrow(
      'f: takes (size string, weight double), got (size string, weight string): VectorAssembler: column "weight" must be',
    );
  });

  test("gives null for null, unless the model is to see it", async () => {
    const rows = [{ x: 0.5 }, { x: null }, { x: 1.5 }];
    expect(await call(functionOf("f", bucket, {}), rows, { x: "double" })).toEqual([0, null, 1]);
    expect(await call(functionOf("f", bucket, {}), [{ x: null }], { x: "null" })).toEqual([null]);
    const imputer = new ImputerModel({ inputCol: "x", outputCol: "full", surrogates: [7] });
    expect(await call(functionOf("f", imputer, { nulls: "pass" }), rows, { x: "double" })).toEqual([0.5, 7, 1.5]);
    expect(await call(functionOf("f", imputer, { nulls: "pass" }), [{ x: null }], { x: "null" })).toEqual([7]);
  });

  test("names a bad row by the arguments it was called with", async () => {
    await expect(call(functionOf("f", bucket, {}), [{ x: null }, { x: 0 }, { x: 9 }], { x: "double" })).rejects.toThrow(
      /^f: Bucketizer: row 2 of column "x" .* \(called with x = 9\)$/,
    );
  });

  test("refuses what cannot be a function", () => {
    const skip = bucket.with({ handleInvalid: "skip" });
    expect(() => functionOf("f", new PipelineModel([skip]), {})).toThrow(
      'registerFunction: "f" must give a value for every row, but Bucketizer may leave rows out; set its handleInvalid to "error" or "keep"',
    );
    expect(() => functionOf("f g", bucket, {})).toThrow(
      'registerFunction: "f g" is no name for a SQL function; use letters, digits and _',
    );
    expect(() => functionOf("f", bucket, { outputCol: "c" })).toThrow(
      'registerFunction: "f" has no output column "c"; the model makes "b"',
    );
    expect(() => functionOf("f", bucket, { input: ["x"] } as object)).toThrow(
      'registerFunction: unknown option "input"; there are "inputs", "outputCol", "nulls", "replace"',
    );
    expect(() => functionOf("f", bucket, { inputs: { y: "double" } })).toThrow('Bucketizer: no column "x" in the data');
  });
});
