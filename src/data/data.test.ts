/** @file Tests of types, schemas and the way between JavaScript rows and Arrow batches. */

import { describe, expect, test } from "vitest";
import { fromArrowSchema, toArrowSchema } from "./arrow-types.js";
import { filterRows, numberColumn, timeColumn, withColumns } from "./columns.js";
import { dataOf, matrixOf, numbersOf } from "./read-columns.js";
import { batchToRows, inferSchema, type Row, rowsToBatch, valueAt } from "./rows.js";
import { Schema } from "./schema.js";
import { formatType, parseType } from "./types.js";

describe("column types", () => {
  const texts = [
    "int",
    "array<float>",
    "float[3,224,224]",
    "decimal(10,2)",
    "map<string,array<int>>",
    "struct<a:int,`b c`:map<string,double>>",
  ];
  test.each(texts)("%s is read and written", (text) => {
    expect(formatType(parseType(text))).toBe(text);
  });

  test("unknown text is refused with its place", () => {
    expect(() => parseType("array<flot>")).toThrow('parseType: unknown type "flot" at position 10 of "array<flot>"');
  });
});

describe("Schema", () => {
  const schema = Schema.of({ path: "string", image: "binary" });

  test("names the columns there are when one is missing", () => {
    expect(() => schema.require("img", "ImageFeaturizer")).toThrow(
      'ImageFeaturizer: no column "img" in the data (it has "path", "image"); set inputCol',
    );
    expect(() => schema.select(["imag"])).toThrow(
      'select: no column "imag" in the data (it has "path", "image"); did you mean "image"?',
    );
  });

  test("says how to mend a wrong type", () => {
    expect(() => schema.requireNumber("path", "Binarizer")).toThrow(
      'Binarizer: column "path" must be a number, but is string; cast it first, as in withColumn("path", "CAST(path AS double)")',
    );
  });

  test("refuses a name twice", () => {
    expect(() => schema.with("path", "int", "Binarizer")).toThrow(
      'Binarizer: column "path" is already in the data; choose another outputCol',
    );
  });

  test("survives the way through Arrow, tensor shapes included", () => {
    const types = {
      a: "int",
      t: "float[2,3]",
      s: "struct<x:double,y:array<string>>",
      d: "decimal(10,2)",
      at: "timestamp",
      m: "map<string,int>",
    };
    expect(fromArrowSchema(toArrowSchema(Schema.of(types))).toJSON()).toEqual(types);
  });
});

describe("rows", () => {
  const rows = [
    {
      a: 1,
      s: "x",
      f: new Float32Array([1, 2]),
      l: [1, null, 3],
      at: new Date(5),
      o: { p: 1, q: "z" },
      b: new Uint8Array([1]),
      big: 2n ** 60n,
    },
    { a: null, s: null, f: new Float32Array([3, 4]), l: [], at: null, o: { p: 2, q: null }, b: null, big: 5n },
    { a: 3, s: "yy", f: new Float32Array([5, 6]), l: [7], at: new Date(0), o: null, b: new Uint8Array([9]), big: 1n },
  ];
  const batch = rowsToBatch(rows, inferSchema(rows));

  test("come back as they went in", () => {
    const lists = rows.map((row) => ({
      ...row,
      l: row.l.some((x) => x === null) ? row.l : Float64Array.from(row.l as number[]),
    }));
    expect(batchToRows(batch)).toEqual(lists.map((row) => ({ ...row, big: row.big > 5n ? row.big : Number(row.big) })));
  });

  test("can be sliced and filtered", () => {
    const part = filterRows(batch.slice(1, 3), (row) => row === 1);
    expect(batchToRows(part)).toEqual(batchToRows(batch).slice(2));
  });

  test("give their vectors as one matrix and their numbers with NaN for null", () => {
    expect(matrixOf(dataOf(batch, "f"), "test", "f")).toEqual({
      values: new Float32Array([1, 2, 3, 4, 5, 6]),
      width: 2,
    });
    expect(matrixOf(dataOf(batch.slice(1, 3), "f"), "test", "f").values).toEqual(new Float32Array([3, 4, 5, 6]));
    expect(numbersOf(dataOf(batch, "a"))).toEqual(new Float64Array([1, Number.NaN, 3]));
    expect(() => matrixOf(dataOf(batch, "l"), "Stage", "l")).toThrow(
      'Stage: row 1 of column "l" has 0 numbers, expected 3 as in the rows before',
    );
  });

  test("take columns added or replaced", () => {
    const more = withColumns(batch, {
      a: numberColumn("int", new Int32Array([7, 8, 9])),
      z: numberColumn("int", new Int32Array(3)),
    });
    expect(fromArrowSchema(more.schema).names).toEqual([...fromArrowSchema(batch.schema).names, "z"]);
    expect(batchToRows(more).map(({ a }) => a)).toEqual([7, 8, 9]);
  });

  test("that do not fit are named", () => {
    expect(() => inferSchema([{ a: 1 }, { a: "x" }])).toThrow(
      'createDataFrame: row 1 of column "a" is string, but is double in the rows before; give a schema or convert the values',
    );
    expect(() => rowsToBatch([{ a: 1.5 }], Schema.of({ a: "int" }))).toThrow(
      'createDataFrame: row 0 of column "a" must be int, got number 1.5',
    );
    expect(() => rowsToBatch([{ a: [1, 2] }], Schema.of({ a: "float[3]" }))).toThrow(
      'createDataFrame: row 0 of column "a" must hold 3 numbers (float[3]), got 2',
    );
  });

  test.each<[type: string, value: unknown, told: string]>([
    ["tinyint", 128, "must be tinyint, got number 128"],
    ["utinyint", -1, "must be utinyint, got number -1"],
    ["uint", 2 ** 32, "must be uint, got number 4294967296"],
    ["bigint", 2n ** 63n, "must be bigint, got bigint 9223372036854775808"],
    ["ubigint", -1n, "must be ubigint, got bigint -1"],
    ["decimal(3,1)", 1234, "must be decimal(3,1), got number 1234"],
    ["decimal(3,1)", Number.NaN, "must be decimal(3,1), got number NaN"],
    ["date", new Date(Number.NaN), "must be date, got an invalid Date"],
    ["timestamp", new Date(Number.NaN), "must be timestamp, got an invalid Date"],
    ["float[2]", [1, null], "holds a null at 1; float[2] has numbers only"],
  ])("that a %s cannot hold are an error: %s", (type, value, told) => {
    expect(() => rowsToBatch([{ a: value }], Schema.of({ a: type }))).toThrow(
      `createDataFrame: row 0 of column "a" ${told}`,
    );
  });

  test("of typed arrays of another kind keep their numbers, or are an error", () => {
    const read = (value: unknown, type: string) =>
      batchToRows(rowsToBatch([{ a: value }], Schema.of({ a: type })))[0]!.a;
    expect(read(BigInt64Array.of(1n, -2n), "array<double>")).toEqual(Float64Array.of(1, -2));
    expect(read(Float64Array.of(1, 2), "int[2]")).toEqual(Int32Array.of(1, 2));
    expect(() => read(Float32Array.of(1.5), "array<int>")).toThrow(
      'an item of row 0 of column "a" must be int, got number 1.5',
    );
    expect(() => read(Int16Array.of(300), "array<utinyint>")).toThrow("must be utinyint, got number 300");
  });

  test("keep the order of columns and fields whatever their names, and know own fields only", () => {
    const odd: Row[] = [
      { b: 1, s: { y: 1 } },
      { b: 2, s: { y: 2, 0: "z" }, 0: 9, constructor: "Ferrari" },
    ];
    const schema = inferSchema(odd);
    const made = rowsToBatch(odd, schema);
    expect(fromArrowSchema(made.schema).toJSON()).toEqual(schema.toJSON());
    expect(fromArrowSchema(made.schema).names).toEqual(["b", "s", "0", "constructor"]);
    expect(batchToRows(made)).toEqual([
      { b: 1, s: { y: 1, 0: null }, 0: null, constructor: null },
      { b: 2, s: { y: 2, 0: "z" }, 0: 9, constructor: "Ferrari" },
    ]);
    const more = withColumns(made, [
      ["x", numberColumn("int", new Int32Array(2))],
      ["1", numberColumn("int", new Int32Array(2))],
    ]);
    expect(fromArrowSchema(more.schema).names.slice(-2)).toEqual(["x", "1"]);
  });

  test("give times before 1970 as the millisecond they lie in", () => {
    const { data } = timeColumn("timestamp", BigInt64Array.of(-1n));
    expect(valueAt(data, 0)).toEqual(new Date(-1));
  });
});
