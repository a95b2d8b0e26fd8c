/** @file Saved models: what one engine fitted loads on every other, also through an engine that alone reaches the path. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LogisticRegression, load, Pipeline, StandardScaler, VectorAssembler } from "../../src/index.js";
import { engines } from "../engines.js";

const rows = Array.from({ length: 40 }, (_, i) => ({ a: i, b: (i * 7) % 11, label: i % 3 === 0 || i > 25 ? 1 : 0 }));
const pipeline = new Pipeline([
  new VectorAssembler({ inputCols: ["a", "b"], outputCol: "v" }),
  new StandardScaler({ inputCol: "v", outputCol: "features" }),
  new LogisticRegression({ featuresCol: "features", labelCol: "label" }),
]);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-models-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe.each(engines)("a model fitted and saved on $name", ({ name, session, frame }) => {
  test("loads on every engine, and says the same there", async () => {
    const model = await pipeline.fit(await frame(rows));
    await model.save(join(folder, `from-${name}`));
    const loaded = await load(join(folder, `from-${name}`));
    const expected = await model.transform(await frame(rows)).values("prediction");
    for (const other of engines) {
      expect(await loaded.transform(await other.frame(rows)).values("prediction")).toEqual(expected);
    }
  });

  test("may be written and read through the session, whole or not at all", async () => {
    const store = { session: await session() };
    const path = join(folder, `through-${name}`);
    const model = await pipeline.fit(await frame(rows));
    await model.save(path, store);
    await expect(model.save(path, store)).rejects.toThrow("exists already; pass { overwrite: true } to replace it");
    await model.save(path, { ...store, overwrite: true });
    const loaded = await load(path, store);
    expect(loaded.toSpec()).toEqual(model.toSpec());
    // a folder that was saved by this process, and copied to where the session reaches
    await model.save(join(folder, `copied-${name}`));
    expect((await load(join(folder, `copied-${name}`), store)).toSpec()).toEqual(model.toSpec());
  });

  test("is told from other folders", async () => {
    const store = { session: await session() };
    const model = await pipeline.fit(await frame(rows));
    const other = await mkdtemp(join(folder, `other-${name}-`));
    await writeFile(join(other, "a.txt"), "mine");
    await expect(model.save(other, { ...store, overwrite: true })).rejects.toThrow(
      `save: "${other}" is not a saved model, so it is not overwritten; choose another path`,
    );
    await expect(load(other, store)).rejects.toThrow(
      `load: "${other}" is not a saved model: it has no stage.json; give the path that save() wrote`,
    );
  });
});

test("a path that this process cannot reach is refused with what helps", async () => {
  const stage = new VectorAssembler({ inputCols: ["a"], outputCol: "v" });
  await expect(stage.save("s3a://bucket/a.model")).rejects.toThrow(
    'save: this process cannot write to "s3a://bucket/a.model"; pass { session } of a Spark session to write through Spark, or save to a local folder and copy that',
  );
  await expect(load("s3a://bucket/a.model")).rejects.toThrow(
    'load: this process cannot read "s3a://bucket/a.model"; pass { session } of a Spark session to read through Spark, or copy the folder here',
  );
});
