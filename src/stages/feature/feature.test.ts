/** @file What the feature stages refuse, by full message; their values are compared with Spark ML's in spark.test.ts. */

import { describe, expect, test } from "vitest";

import { engines } from "../../../test/engines.js";
import { applyStage } from "../../../test/stages.js";
import { Schema } from "../../data/schema.js";
import { PipelineModel } from "../../pipeline/pipeline.js";
import type { Transformer } from "../../pipeline/stage.js";
import { Bucketizer } from "./bucketizer.js";
import { Imputer } from "./imputer.js";
import { IndexToString } from "./index-to-string.js";
import { MinMaxScaler } from "./min-max-scaler.js";
import { OneHotEncoder, OneHotEncoderModel } from "./one-hot-encoder.js";
import { StandardScaler, StandardScalerModel } from "./standard-scaler.js";
import { StringIndexer, StringIndexerModel } from "./string-indexer.js";
import { VectorAssembler } from "./vector-assembler.js";

const x = { inputCol: "x", outputCol: "y" };

describe("columns are named in one of Spark ML's two ways", () => {
  const both = "StringIndexer: set either inputCol and outputCol, or inputCols and outputCols";
  test.each([
    [{}, both],
    [{ inputCol: "x" }, both],
    [{ ...x, inputCols: ["x"], outputCols: ["y"] }, both],
    [{ inputCol: "x", outputCols: ["y"] }, both],
    [
      { inputCols: ["a", "b"], outputCols: ["y"] },
      "StringIndexer: outputCols must have one item per input column (2), got 1",
    ],
  ])("%j is refused", (params, message) => {
    expect(() => new StringIndexer(params)).toThrow(message);
  });

  test("lists beside them have one item per column", () => {
    expect(() => new StringIndexerModel({ ...x, labelsArray: [] })).toThrow(
      "StringIndexerModel: labelsArray must have one item per input column (1), got 0",
    );
    expect(() => new Bucketizer(x)).toThrow("Bucketizer: set splits with inputCol, or splitsArray with inputCols");
    expect(() => new MinMaxScaler({ ...x, min: 2 })).toThrow("MinMaxScaler: min must be below max, got 2 and 1");
  });
});

describe("a row that cannot be used is named, with what to do", () => {
  const indexer = new StringIndexerModel({ ...x, labelsArray: [["a", "b"]] });
  const encoder = new OneHotEncoderModel({ ...x, categorySizes: [2] });
  const scaler = new StandardScalerModel({ ...x, mean: [0, 0], std: [1, 1] });
  const cases: [Transformer, string, unknown, string][] = [
    [indexer, "string", "zz", 'is "zz", a label that the fit has not seen; set handleInvalid to "skip" or "keep"'],
    [indexer, "string", null, 'is null; set handleInvalid to "skip" or "keep"'],
    [encoder, "double", 2, 'is 2, but the fit has seen indices 0 to 1; set handleInvalid to "keep"'],
    [new IndexToString({ ...x, labels: ["a"] }), "int", 1, "is 1, but there are 1 labels; indices begin with 0"],
    [
      new VectorAssembler({ inputCols: ["x"], outputCol: "y" }),
      "double",
      Number.NaN,
      'is NaN; fill it, or set handleInvalid to "skip" or "keep"',
    ],
    [
      new Bucketizer({ ...x, splits: [0, 1, 2] }),
      "double",
      2.5,
      "is 2.5, outside of the splits [0, 2]; widen them, with infinities to cover all",
    ],
    [scaler, "array<float>", [1, 2, 3], "has 3 numbers, expected 2 as in the rows before"],
    [scaler, "array<float>", null, "is null; drop or fill it first"],
  ];
  test.each(cases.map((each) => [each[0].name, each[2], each] as const))(
    "%s: %j",
    async (name, _, [stage, type, bad, reason]) => {
      const schema = Schema.of({ x: type });
      await expect(applyStage(stage, [{ x: bad }], schema)).rejects.toThrow(`${name}: row 0 of column "x" ${reason}`);
    },
  );
});

describe("columns that do not fit are refused before any work", () => {
  test.each([
    [
      new StringIndexer(x),
      "boolean",
      'column "x" must be a string or a number, but is boolean; cast it to string first',
    ],
    [new StandardScaler(x), "double", 'column "x" must be a vector (an array or tensor of numbers), but is double'],
    [
      new StandardScalerModel({ ...x, mean: [0, 0], std: [1, 1] }),
      "float[3]",
      'column "x" has 3 numbers per row, but 2 were fitted; fit it again',
    ],
    [
      new OneHotEncoderModel({ ...x, categorySizes: [1] }),
      "double",
      'column "x" has one category, so dropLast leaves an empty vector; set dropLast to false',
    ],
    [
      new Imputer(x),
      "boolean",
      'column "x" is a boolean or decimal, whose gaps cannot be filled; cast it to double first',
    ],
  ])("%s of %s", (stage, type, message) => {
    expect(() => stage.transformSchema(Schema.of({ x: type }))).toThrow(`${stage.name}: ${message}`);
    expect(() => stage.transformSchema(Schema.of({ x: "string", y: "int" }))).toThrow(stage.name);
  });

  test("a fitted index of labels is left out where its column is missing, as in Spark ML", async () => {
    const indexer = new StringIndexerModel({ ...x, labelsArray: [["a"]] });
    expect(await indexer.predictOne({ z: 1 })).toEqual({ z: 1 });
  });

  test("a pipeline names the column that the data lacks, not what would have been made of it", async () => {
    const indexer = new StringIndexerModel({
      inputCols: ["size", "kind"],
      outputCols: ["sizeIndex", "kindIndex"],
      labelsArray: [["S"], ["new", "old"]],
    });
    const encoder = new OneHotEncoderModel({ inputCol: "kindIndex", outputCol: "kindVector", categorySizes: [2] });
    const assembler = new VectorAssembler({ inputCols: ["kindVector", "price"], outputCol: "features" });
    const model = new PipelineModel([indexer, encoder, assembler]);
    expect(await model.predictOne({ kind: "old", price: 2 })).toMatchObject({ features: Float32Array.of(0, 2) });
    const message = 'StringIndexerModel: no column "kind" in the data (it has "price"), to make "kindIndex" of';
    await expect(model.predictOne({ price: 2 })).rejects.toThrow(message);
    expect(() => model.transformSchema(Schema.of({ price: "int" }))).toThrow(message);
    await expect(model.predictOne({ kind: "old" })).rejects.toThrow('VectorAssembler: no column "price" in the data');
  });

  test("a null of a single row is told as such", async () => {
    const assembler = new VectorAssembler({ inputCols: ["x"], outputCol: "y" });
    await expect(assembler.predictOne({ x: null })).rejects.toThrow('VectorAssembler: row 0 of column "x" is null;');
  });

  test("tensors keep their shape through the scalers", async () => {
    const scaler = new StandardScalerModel({ ...x, mean: [0, 1, 2, 3], std: [1, 2, 1, 0], withMean: true });
    const schema = Schema.of({ x: "float[2,2]" });
    expect(scaler.transformSchema(schema).toJSON()).toEqual({ x: "float[2,2]", y: "float[2,2]" });
    const [row] = await applyStage(scaler, [{ x: [1, 2, 3, 4] }], schema);
    expect(row!.y).toEqual(Float32Array.of(1, 0.5, 1, 0));
  });
});

describe.each(engines)("fits on $name say what is wrong with the data", ({ frame }) => {
  const vectors = (rows: readonly unknown[], type = "array<double>") =>
    frame(
      rows.map((value) => ({ x: value })),
      { x: type },
    );

  test.each([
    [[], 'no rows to learn from: column "x" has no vectors'],
    [[[1, 2], null], 'column "x" holds 1 nulls; drop or fill those rows first'],
    [
      [
        [1, 2],
        [1, null],
      ],
      'column "x" holds 1 nulls; drop or fill those rows first',
    ],
    [[[1, 2], [3]], 'column "x" has vectors of different lengths; make them equal first'],
    [
      [
        [1, 2],
        [3, Number.NaN],
      ],
      'column "x" holds 1 NaN or infinities at place 1; drop or fill those rows first',
    ],
    [
      [
        [1, 2],
        [-Infinity, 0],
      ],
      'column "x" holds 1 NaN or infinities at place 0; drop or fill those rows first',
    ],
  ])("StandardScaler on %j", async (rows, reason) => {
    await expect(new StandardScaler(x).fit(await vectors(rows))).rejects.toThrow(`StandardScaler: ${reason}`);
  });

  test("MinMaxScaler needs a number at each place", async () => {
    await expect(new MinMaxScaler(x).fit(await vectors([[1, Number.NaN]]))).rejects.toThrow(
      'MinMaxScaler: column "x" holds only NaN at place 1; leave that place out',
    );
  });

  test("OneHotEncoder needs indices, Imputer numbers", async () => {
    await expect(new OneHotEncoder(x).fit(await vectors([0, 1.5, null], "double"))).rejects.toThrow(
      'OneHotEncoder: column "x" holds 2 values that are no indices (null, negative, a fraction); index it with StringIndexer first',
    );
    await expect(
      new Imputer({ ...x, strategy: "mode" }).fit(await vectors([null, Number.NaN], "double")),
    ).rejects.toThrow('Imputer: column "x" has no numbers to take the mode of; all are null, NaN or missingValue');
  });

  test("aggregates of tensors are per place, whatever their shape", async () => {
    const rows = [
      [1, 2, 3, 4],
      [3, 2, 1, 0],
    ].map((value, i) => ({ "odd name": value, i }));
    const df = await frame(rows, { "odd name": "float[2,2]", i: "int" });
    const model = await new StandardScaler({ inputCol: "odd name", outputCol: "y" }).fit(df);
    expect(model.params.mean).toEqual([2, 2, 2, 2]);
    expect(model.params.std).toEqual([Math.SQRT2, 0, Math.SQRT2, 2 * Math.SQRT2].map((std) => expect.closeTo(std, 9)));
  });
});
