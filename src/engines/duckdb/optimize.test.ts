/** @file Tests of plans made cheaper: the answer stays the same. */

import { describe, expect, test } from "vitest";
import { engines } from "../../../test/engines.js";
import { VectorAssembler } from "../../stages/feature/vector-assembler.js";

describe.each(engines)("a column dropped above a stage on $name", ({ frame }) => {
  test("is not computed, and the rest is as before", async () => {
    const rows = await frame([{ a: 1, b: 2, c: "x" }]);
    const assembled = new VectorAssembler({ inputCols: ["a", "b"], outputCol: "v" }).transform(rows);
    expect(await assembled.limit(3).drop("v").collect()).toEqual([{ a: 1, b: 2, c: "x" }]);
    expect(await assembled.drop("c", "a").withColumnRenamed("b", "z").collect()).toEqual([
      { z: 2, v: new Float32Array([1, 2]) },
    ]);
  });
});
