/** @file Tests of parameters, stages without an engine, Pipeline models, save and load. */

import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { numberColumn, withColumns } from "../data/columns.js";
import { dataOf, numbersOf } from "../data/read-columns.js";
import type { Schema } from "../data/schema.js";
import { Asset } from "../util/asset.js";
import {
  asset,
  choice,
  columnName,
  defineParams,
  type Input,
  integer,
  number,
  numbers,
  optional,
} from "../util/params.js";
import { load, loadEstimator } from "./load.js";
import { Pipeline, PipelineModel } from "./pipeline.js";
import { registerStages } from "./registry.js";
import { type BatchFunction, Model } from "./stage.js";

const params = defineParams({
  inputCol: columnName("number column to read"),
  outputCol: columnName("column to add"),
  factor: number("what each value is multiplied by", { default: 2, min: 0 }),
  limits: numbers("values are kept within", { length: 2, infinite: true, default: [-Infinity, Infinity] }),
  rounds: integer("how often", { default: 1, min: 1, max: 3 }),
  rounding: choice("how to round", ["none", "floor"], { default: "none" }),
  table: optional(asset("a file of factors")),
});

class Multiplier extends Model<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  transformSchema(schema: Schema): Schema {
    schema.requireNumber(this.params.inputCol, this);
    return schema.with(this.params.outputCol, "double", this);
  }

  open(): BatchFunction {
    const { inputCol, outputCol, factor } = this.params;
    return (batch) => {
      const values = numbersOf(dataOf(batch, inputCol)).map((x) => x * factor);
      return withColumns(batch, { [outputCol]: numberColumn("double", values) });
    };
  }
}
registerStages(Multiplier, Pipeline, PipelineModel);

const twice = new Multiplier({ inputCol: "x", outputCol: "y" });
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe("parameters", () => {
  test("have defaults, and a copy changes some", () => {
    expect(twice.params).toMatchObject({ factor: 2, rounds: 1, rounding: "none", limits: [-Infinity, Infinity] });
    expect(twice.with({ factor: 3 }).params).toEqual({ ...twice.params, factor: 3 });
  });

  test.each([
    [{ inputCol: "x" }, "Multiplier: outputCol is missing; set it to a column name (column to add)"],
    [
      { factr: 1 },
      'Multiplier: no parameter "factr" (it has "inputCol", "outputCol", "factor", "limits", "rounds", "rounding", "table"); did you mean "factor"?',
    ],
    [{ factor: -1 }, "Multiplier: factor must be a number of at least 0, got -1"],
    [{ factor: "2" }, 'Multiplier: factor must be a number of at least 0, got "2"'],
    [{ rounds: 4 }, "Multiplier: rounds must be a whole number from 1 to 3, got 4"],
    [{ rounding: "up" }, 'Multiplier: rounding must be one of "none", "floor", got "up"'],
    [{ limits: [1] }, "Multiplier: limits must be a list of 2 numbers, got [1]"],
    [
      { table: "f.onnx" },
      'Multiplier: table must be an Asset (bytes of a model), got "f.onnx"; make one with new Asset(await readFile("f.onnx"))',
    ],
  ])("%j is refused", (values, message) => {
    const given = "inputCol" in values ? values : { inputCol: "x", outputCol: "y", ...values };
    expect(() => new Multiplier(given as Input<typeof params>)).toThrow(message);
  });
});

describe("a stage without an engine", () => {
  test("answers for one row and for many", async () => {
    expect(await twice.predictOne({ x: 4, id: "a" })).toEqual({ x: 4, id: "a", y: 8 });
    expect((await twice.predictMany([{ x: 1 }, { x: null }, { x: 3 }])).map(({ y }) => y)).toEqual([2, Number.NaN, 6]);
    expect(await twice.predictMany([])).toEqual([]);
  });

  test("names the missing column", async () => {
    await expect(twice.predictOne({ z: 1 })).rejects.toThrow(
      'Multiplier: no column "x" in the data (it has "z"); set inputCol',
    );
  });

  test("runs a whole PipelineModel", async () => {
    const model = new PipelineModel([twice, new Multiplier({ inputCol: "y", outputCol: "z", factor: 10 })]);
    expect(await model.predictOne({ x: 1 })).toEqual({ x: 1, y: 2, z: 20 });
  });
});

describe("save and load", () => {
  const table = new Asset(new TextEncoder().encode("factors"));
  const model = new PipelineModel([
    twice.with({ table }),
    new Multiplier({ inputCol: "y", outputCol: "z", limits: [0, Infinity] }),
  ]);

  test("give the same model back, assets included", async () => {
    await model.save(join(folder, "m"));
    const again = (await load(join(folder, "m"))) as PipelineModel;
    expect(again.stages.map(({ params }) => params)).toEqual(model.stages.map(({ params }) => params));
    expect(await again.predictOne({ x: 1 })).toEqual({ x: 1, y: 2, z: 4 });
    expect(await readdir(folder)).toEqual(["m"]);
  });

  test("know what is fitted and what is not", async () => {
    await new Pipeline([twice]).save(join(folder, "p"));
    expect((await loadEstimator(join(folder, "p"))).params).toMatchObject({ stages: [{ params: twice.params }] });
    await expect(load(join(folder, "p"))).rejects.toThrow(
      "holds a Pipeline, which is not fitted; read it with loadEstimator",
    );
    await model.save(join(folder, "m"));
    await expect(loadEstimator(join(folder, "m"))).rejects.toThrow(
      "holds a PipelineModel, which is no Estimator; read it with load",
    );
  });

  test("do not overwrite unasked", async () => {
    const path = join(folder, "m");
    await model.save(path);
    await expect(model.save(path)).rejects.toThrow(
      `save: "${path}" is there already; choose another path or pass { overwrite: true }`,
    );
    await twice.save(path, { overwrite: true });
    expect((await load(path)).name).toBe("Multiplier");
    await writeFile(join(folder, "notes.txt"), "mine");
    await expect(twice.save(folder, { overwrite: true })).rejects.toThrow(
      "is not a saved model, so it is not overwritten",
    );
    expect((await readdir(folder)).sort()).toEqual(["m", "notes.txt"]);
  });

  test("refuse what is damaged, newer, or points outside", async () => {
    const path = join(folder, "m");
    await model.save(path);
    const file = join(path, "assets", `${table.sha256}.onnx`);
    const json = await readFile(join(path, "stage.json"), "utf8");
    const withJson = (change: (stored: string) => string) => writeFile(join(path, "stage.json"), change(json));

    await withJson((text) => text.replace('"format": 1', '"format": 9'));
    await expect(load(path)).rejects.toThrow(/has format 9 .* which reads format 1/);
    await withJson((text) => text.replace("assets/", "../../"));
    await expect(load(path)).rejects.toThrow("lies outside the model's folder");
    await withJson((text) => text.replace('"Multiplier"', '"Multiplyer"'));
    await expect(load(path)).rejects.toThrow(
      'load: no stage class "Multiplyer" in this version; did you mean "Multiplier"?',
    );
    await withJson((text) => text.slice(0, 50));
    await expect(load(path)).rejects.toThrow("is damaged: stage.json is no JSON");
    await withJson((text) => text);
    await writeFile(file, "changed");
    await expect(load(path)).rejects.toThrow("was changed or damaged: sha256 is");
    await rename(file, `${file}.gone`);
    await expect(load(path)).rejects.toThrow(
      `asset file "assets/${table.sha256}.onnx" is missing; copy the whole folder`,
    );
    await expect(load(folder)).rejects.toThrow(
      "is not a saved model: it has no stage.json; give the folder that save() wrote",
    );
  });
});
