/** @file Tests of OnnxModel: what feeds what, dtypes, cuts, batches, bad rows. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { engines } from "../../../test/engines.js";
import { identity, model, node, value, weight } from "../../../test/fixtures/tiny-onnx.js";
import { applyStage } from "../../../test/stages.js";
import type { Row } from "../../data/rows.js";
import { Schema } from "../../data/schema.js";
import { numericTypeOf } from "../../data/types.js";
import type { DType } from "../../tensor/dtype.js";
import { OnnxModel } from "./onnx-model.js";

const w = weight("w", [3, 2], new Float32Array([1, 0, 0, 1, 1, 1]));

/** h = x w, y = relu(h) */
const linear = model({
  nodes: [node("MatMul", ["x", "w"], ["h"]), node("Relu", ["h"], ["y"])],
  inputs: [value("x", "float32", ["batch", 3])],
  outputs: [value("y", "float32", ["batch", 2])],
  weights: [w],
});

const stage = await OnnxModel.load(linear, { feeds: { x: "v" }, fetches: { y: "y" } });
const vectors = [{ v: [1, 2, 3] }, { v: [-4, 0, 1] }, { v: [0.5, -3, 0] }];
const results = [
  [4, 5],
  [0, 1],
  [0.5, 0],
];

async function identityOf(dtype: DType, shape: readonly (number | string)[] = ["n"]): Promise<OnnxModel> {
  return OnnxModel.load(identity(dtype, shape), { feeds: { x: "x" }, fetches: { y: "y" } });
}

const lists = (rows: readonly Row[], column: string) =>
  rows.map((row) => row[column] && [...(row[column] as number[])]);

describe("columns that feed inputs", () => {
  test("lists and tensors feed [batch, 3]", async () => {
    expect(lists(await stage.predictMany(vectors), "y")).toEqual(results);
    const tensors = await applyStage(stage, vectors, Schema.of({ v: "float[3]" }));
    expect(lists(tensors, "y")).toEqual(results);
    expect(stage.transformSchema(Schema.of({ v: "float[3]" })).toJSON()).toEqual({ v: "float[3]", y: "float[2]" });
  });

  test.each([[["n"]], [["n", 1]], [["n", "m"]]])("a number feeds %j", async (shape) => {
    const found = await (await identityOf("float32", shape)).predictMany([{ x: 1.5 }, { x: -2 }]);
    expect(found.map(({ y }) => (typeof y === "number" ? y : (y as Float32Array)[0]))).toEqual([1.5, -2]);
  });

  test("a flat list feeds any shape it is given", async () => {
    const cube = await OnnxModel.load(identity("float32", ["n", 2, 2]), {
      feeds: { x: { column: "flat", shape: [2, 2] } },
      fetches: { y: "y" },
    });
    const schema = Schema.of({ flat: "array<double>" });
    expect(cube.transformSchema(schema).toJSON()).toEqual({ flat: "array<double>", y: "float[2,2]" });
    expect(lists(await cube.predictMany([{ flat: [1, 2, 3, 4] }]), "y")).toEqual([[1, 2, 3, 4]]);
  });

  test("a list of any length feeds a named size, and gives lists", async () => {
    const any = await identityOf("int64", ["n", "length"]);
    expect(any.transformSchema(Schema.of({ x: "array<int>" })).toJSON()).toEqual({
      x: "array<int>",
      y: "array<bigint>",
    });
    expect(any.transformSchema(Schema.of({ x: "int[4]" })).toJSON()).toEqual({ x: "int[4]", y: "bigint[4]" });
    const rows = await any.predictMany([{ x: [5, 6, 7] }, { x: [1, 2, 3] }]);
    expect(rows.map(({ y }) => y)).toEqual([
      [5, 6, 7],
      [1, 2, 3],
    ]);
  });

  test("columns that cannot fit are refused with both shapes and what to do", async () => {
    const picture = await identityOf("float32", ["n", 3, 224, 224]);
    const refusal = (stage: OnnxModel, type: string) => () => stage.transformSchema(Schema.of({ x: type }));
    expect(refusal(picture, "float[224,224,3]")).toThrow(
      'OnnxModel: column "x" is float[224,224,3], but the model\'s input is "x" float32 [n, 3, 224, 224]; bring its dimensions into the order [3, 224, 224], as with ImageTransformer\'s layout',
    );
    expect(refusal(picture, "array<float>")).toThrow(
      'column "x" is array<float>, but the model\'s input is "x" float32 [n, 3, 224, 224]; feed it as { column, shape: [3, 224, 224] }',
    );
    expect(refusal(picture, "double")).toThrow(
      "feed a column of shape [3, 224, 224] per row, or set { column, shape } for a flat list",
    );
    expect(refusal(picture, "string")).toThrow(
      'column "x" is string, but the model\'s input is "x" float32 [n, 3, 224, 224]; index or tokenize the strings first',
    );
    expect(refusal(await identityOf("string"), "int")).toThrow(
      'column "x" is int, but the model\'s input is "x" string [n]; cast the column to string first',
    );
    expect(refusal(await identityOf("float32", []), "int")).toThrow(
      "it has no dimension for the rows, so it cannot be fed by a column; make it a constant",
    );
    expect(() => stage.transformSchema(Schema.of({ z: "int" }))).toThrow(
      'OnnxModel: no column "v" in the data (it has "z"); set feeds',
    );
  });
});

describe("dtypes", () => {
  const dtypes = [
    "float64",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float32",
  ] as const;
  test.each(dtypes)("%s goes in and out as its column type", async (dtype) => {
    const type = numericTypeOf(dtype)!;
    const found = await applyStage(await identityOf(dtype), [{ x: 3 }, { x: 100 }], Schema.of({ x: type }));
    expect(found).toEqual([
      { x: 3, y: 3 },
      { x: 100, y: 100 },
    ]);
    const after = (await identityOf(dtype, ["n", 2])).transformSchema(Schema.of({ x: `${type}[2]` }));
    expect(after.toJSON().y).toBe(`${type}[2]`);
  });

  test("float16, bool and strings have columns too", async () => {
    const half = await applyStage(await identityOf("float16"), [{ x: 0.1 }, { x: 2 }], Schema.of({ x: "float" }));
    expect(half.map(({ y }) => y)).toEqual([0.0999755859375, 2]);
    expect(
      await (await identityOf("bool")).predictMany([{ x: true }, { x: 0 }].map(({ x }) => ({ x: Boolean(x) }))),
    ).toEqual([
      { x: true, y: true },
      { x: false, y: false },
    ]);
    expect(await (await identityOf("string")).predictMany([{ x: "a" }, { x: "ß" }])).toEqual([
      { x: "a", y: "a" },
      { x: "ß", y: "ß" },
    ]);
    const pairs = await (await identityOf("string", ["n", 2])).predictMany([{ x: ["a", "b"] }, { x: ["c", ""] }]);
    expect(pairs.map(({ y }) => y)).toEqual([
      ["a", "b"],
      ["c", ""],
    ]);
  });

  test("doubles are rounded to float32; any other value that would change is a bad row", async () => {
    const float = await identityOf("float32");
    expect(await float.predictOne({ x: 0.1 })).toEqual({ x: 0.1, y: Math.fround(0.1) });
    const whole = (stage: OnnxModel, x: number, type: string) =>
      applyStage(stage, [{ x: 1 }, { x }], Schema.of({ x: type }));
    expect(await whole(float, 16_777_216, "int")).toHaveLength(2);
    await expect(whole(float, 16_777_217, "int")).rejects.toThrow(
      'OnnxModel: row 1 of column "x" holds 16777217, which float32 cannot hold; fill or drop it, or set onError: "null"',
    );
    expect((await whole(await identityOf("int64"), 7, "double"))[1]).toEqual({ x: 7, y: 7 });
    await expect(whole(await identityOf("int64"), 1.5, "double")).rejects.toThrow("holds 1.5, which int64 cannot hold");
    await expect(whole(await identityOf("int8"), 128, "int")).rejects.toThrow("holds 128, which int8 cannot hold");
    await expect(whole(await identityOf("uint64"), -1, "bigint")).rejects.toThrow("holds -1, which uint64 cannot hold");
    await expect(whole(await identityOf("bool"), 2, "int")).rejects.toThrow("holds 2, which bool cannot hold");
  });
});

describe("fetches", () => {
  test("intermediate tensors, softmax and argmax", async () => {
    const both = await OnnxModel.load(linear, {
      feeds: { x: "v" },
      fetches: { h: "h", y: "y" },
      softmax: { h: "p" },
      argmax: { h: "best" },
    });
    const rows = await both.predictMany(vectors);
    expect(lists(rows, "h")).toEqual([
      [4, 5],
      [-3, 1],
      [0.5, -3],
    ]);
    expect(lists(rows, "y")).toEqual(results);
    expect(rows.map(({ best }) => best)).toEqual([1, 1, 0]);
    const odds = (a: number, b: number) =>
      [1 / (1 + Math.exp(b - a)), 1 / (1 + Math.exp(a - b))].map((p) => expect.closeTo(p, 6));
    expect(lists(rows, "p")).toEqual([odds(4, 5), odds(-3, 1), odds(0.5, -3)]);
    expect(both.transformSchema(Schema.of({ v: "float[3]" })).toJSON()).toMatchObject({
      p: "float[2]",
      best: "double",
    });
  });

  test("an input that only a part cut off needs is not fed", async () => {
    const two = model({
      nodes: [node("Relu", ["a"], ["h"]), node("Add", ["h", "b"], ["y"])],
      inputs: [value("a", "float32", ["n"]), value("b", "float32", ["n"])],
      outputs: [value("y", "float32", ["n"])],
    });
    const cut = await OnnxModel.load(two, { feeds: { a: "x" }, fetches: { h: "h" } });
    expect(await cut.predictOne({ x: -1 })).toEqual({ x: -1, h: 0 });
    await expect(OnnxModel.load(two, { feeds: { a: "x" }, fetches: { y: "y" } })).rejects.toThrow(
      'OnnxModel: feeds lacks "b"; the model takes "a" float32 [n], "b" float32 [n]',
    );
  });

  test("a path in the place of a model is told how files are read", () => {
    const wrong = { model: "m.onnx", feeds: { x: "v" }, fetches: { y: "y" } } as unknown as OnnxModel["params"];
    expect(() => new OnnxModel(wrong)).toThrow(
      'OnnxModel: model must be an Asset (bytes of a model), got "m.onnx"; read a file with await OnnxModel.load("m.onnx", { feeds, fetches })',
    );
  });

  test("names that are not there are told with those that are", async () => {
    const load = (values: object) => OnnxModel.load(linear, { feeds: { x: "v" }, fetches: { y: "y" }, ...values });
    await expect(load({ feeds: { z: "v" } })).rejects.toThrow(
      'OnnxModel: the model has no input "z" (it takes "x"); set feeds',
    );
    await expect(load({ fetches: { y: "yy" } })).rejects.toThrow(/^OnnxModel: no tensor "yy"/);
    await expect(load({ softmax: { z: "p" } })).rejects.toThrow(
      'OnnxModel: softmax names "z", which is not fetched ("y" is)',
    );
    await expect(load({ fetches: { a: "y", b: "y" } })).rejects.toThrow(
      'fetches names "y" twice; fetch each tensor once',
    );
    expect(() => stage.transformSchema(Schema.of({ v: "float[3]", y: "int" }))).toThrow(
      'OnnxModel: column "y" is already in the data; choose another fetches',
    );
  });
});

describe("batches", () => {
  const many = Array.from({ length: 11 }, (_, i) => ({ v: [i, -i, 1] }));
  const expected = many.map((_, i) => [i + 1, Math.max(0, 1 - i)]);

  test.each([1, 3, 11, 100])("of %i rows give the same", async (batchSize) => {
    expect(lists(await stage.with({ batchSize }).predictMany(many), "y")).toEqual(expected);
  });

  test("a fixed batch is padded, and the padding dropped", async () => {
    const fixed = await OnnxModel.load(
      model({
        nodes: [node("MatMul", ["x", "w"], ["h"]), node("Relu", ["h"], ["y"])],
        inputs: [value("x", "float32", [4, 3])],
        outputs: [value("y", "float32", [4, 2])],
        weights: [w],
      }),
      { feeds: { x: "v" }, fetches: { y: "y" }, batchSize: 2 },
    );
    for (const rows of [1, 4, 11]) {
      expect(lists(await fixed.predictMany(many.slice(0, rows)), "y")).toEqual(expected.slice(0, rows));
    }
  });

  test("an output without a part per row is refused", async () => {
    const sum = model({
      nodes: [node("ReduceSum", ["x"], ["y"])],
      inputs: [value("x", "float32", ["n", 3])],
      outputs: [value("y", "float32", [1, 1])],
    });
    const stage = await OnnxModel.load(sum, { feeds: { x: "v" }, fetches: { y: "y" } });
    await expect(stage.predictMany(vectors)).rejects.toThrow(
      'OnnxModel: tensor "y" must be [3, 1] for 3 rows, got [1, 1]',
    );
  });
});

describe("bad rows", () => {
  const rows = [{ v: [1, 2, 3] }, { v: null }, { v: [1, 2] }, { v: [-4, 0, 1] }];

  test("fail with the row's number", async () => {
    await expect(stage.predictMany(rows)).rejects.toThrow(
      'OnnxModel: row 1 of column "v" is null; fill or drop it, or set onError: "null"',
    );
    await expect(stage.predictMany([rows[0]!, rows[2]!])).rejects.toThrow(
      'OnnxModel: row 1 of column "v" has 2 values, expected 3; fill or drop it, or set onError: "null"',
    );
    await expect(stage.predictMany([{ v: [1, null, 2] }])).rejects.toThrow('row 0 of column "v" holds a null');
  });

  test('give nulls and their reasons where onError is "null"', async () => {
    const lenient = stage.with({ onError: "null", argmax: { y: "best" } });
    const found = await lenient.predictMany(rows);
    expect(lists(found, "y")).toEqual([[4, 5], null, null, [0, 1]]);
    expect(found.map(({ best }) => best)).toEqual([1, null, null, 1]);
    expect(found.map(({ y_error }) => y_error)).toEqual([
      null,
      'column "v" is null',
      'column "v" has 2 values, expected 3',
      null,
    ]);
    expect(await lenient.predictOne({ v: null })).toEqual({
      v: null,
      y: null,
      best: null,
      y_error: 'column "v" is null',
    });
  });
});

describe("models", () => {
  test("may have their weights in other files", async () => {
    const folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
    try {
      const outside = model({
        nodes: [node("MatMul", ["x", "w"], ["y"])],
        inputs: [value("x", "float32", ["batch", 3])],
        outputs: [value("y", "float32", ["batch", 2])],
        weights: [weight("w", [3, 2], { file: "w.bin" })],
      });
      await writeFile(join(folder, "m.onnx"), outside);
      await writeFile(join(folder, "w.bin"), new Uint8Array(new Float32Array([1, 0, 0, 1, 1, 1]).buffer));
      const stage = await OnnxModel.load(join(folder, "m.onnx"), { feeds: { x: "v" }, fetches: { y: "y" } });
      expect(lists(await stage.predictMany(vectors.slice(0, 1)), "y")).toEqual([[4, 5]]);
      await expect(OnnxModel.load(join(folder, "no.onnx"), { feeds: {}, fetches: { y: "y" } })).rejects.toThrow(
        "no.onnx",
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe.each(engines)("OnnxModel on $name", ({ frame }) => {
  test("gives what predictMany gives, for more rows than a batch", async () => {
    const rows = Array.from({ length: 40_000 }, (_, i) => ({ id: i, v: [i % 97, -(i % 7), (i % 3) - 1] }));
    const df = stage.transform(await frame(rows, { id: "int", v: "float[3]" })).orderBy("id");
    const found = await df.collect();
    const alone = await stage.predictMany(rows);
    expect(found).toHaveLength(rows.length);
    for (const i of [0, 1, 9999, 20_001, 39_999]) expect(found[i]!.y).toEqual(alone[i]!.y);
  });

  test("names the bad row", async () => {
    const df = stage.transform(await frame([{ v: [1, 2, 3] }, { v: null }], { v: "float[3]" }));
    await expect(df.collect()).rejects.toThrow('OnnxModel: row 1 of column "v" is null');
  });
});
