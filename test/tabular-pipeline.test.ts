/** @file Feature stages together: from raw columns to a classifier, on an engine and for one row. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import {
  Imputer,
  IndexToString,
  LogisticRegression,
  load,
  MinMaxScaler,
  OneHotEncoder,
  Pipeline,
  StandardScaler,
  StringIndexer,
  VectorAssembler,
} from "../src/index.js";
import { engines } from "./engines.js";

const colours = ["red", "green", "blue"];
const people = Array.from({ length: 3000 }, (_, i) => {
  const colour = colours[i % 3]!;
  const age = i % 11 === 0 ? null : 20 + (i % 50);
  return {
    colour,
    age,
    size: ((i * 37) % 100) / 10,
    bought: colour === "red" || ((i * 37) % 100) / 10 > 7 ? "yes" : "no",
  };
});

describe.each(engines)("a tabular pipeline on $name", ({ frame }) => {
  test("learns, is saved, and answers one row without its label", async () => {
    const pipeline = new Pipeline([
      new StringIndexer({
        inputCols: ["colour", "bought"],
        outputCols: ["colourIndex", "label"],
        handleInvalid: "keep",
      }),
      new OneHotEncoder({ inputCol: "colourIndex", outputCol: "colourVec", dropLast: false, handleInvalid: "keep" }),
      new Imputer({ inputCol: "age", outputCol: "ageFull", strategy: "median" }),
      new VectorAssembler({ inputCols: ["colourVec", "ageFull", "size"], outputCol: "raw" }),
      new StandardScaler({ inputCol: "raw", outputCol: "standard", withMean: true }),
      new MinMaxScaler({ inputCol: "standard", outputCol: "features" }),
      new LogisticRegression({ regParam: 1e-4 }),
      new IndexToString({ inputCol: "prediction", outputCol: "answer", labels: ["yes", "no"] }),
    ]);
    const model = await pipeline.fit(await frame(people));
    const answers = await model
      .transform(await frame(people))
      .select("bought", "answer")
      .collect();
    const right = answers.filter(({ bought, answer }) => bought === answer).length;
    expect(right / people.length).toBeGreaterThan(0.95);

    const folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
    try {
      await model.save(join(folder, "model"));
      const again = await load(join(folder, "model"));
      expect((await again.predictOne({ colour: "red", age: 40, size: 1 })).answer).toBe("yes");
      expect((await again.predictOne({ colour: "blue", age: null, size: 0.5 })).answer).toBe("no");
      expect((await again.predictOne({ colour: "violet", age: 30, size: 9.9 })).answer).toBeTypeOf("string");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
