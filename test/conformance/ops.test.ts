/** @file Every operator by its rows: shape rule against the runtime, gradient against central differences, extreme values. */

import { describe, expect, test } from "vitest";
import { isDifferentiable } from "../../src/ops/op.js";
import { operators } from "../../src/ops/registry.js";
import { casesOf, checkExtreme, checkGradient, checkShapes } from "./op-table.js";
import { rows } from "./rows.js";

const named = rows.map((row) => ({ name: row.name === undefined ? row.op.type : `${row.op.type} ${row.name}`, row }));

describe.each(named)("$name", ({ row }) => {
  const cases = casesOf(row);

  test("has the shapes that its rule says", async () => {
    for (const c of cases) await checkShapes(c);
  });

  test.skipIf(!isDifferentiable(row.op))("has the gradient of central differences", async () => {
    for (const c of cases) await checkGradient(c);
  });

  test.skipIf(row.extreme === undefined)("makes no NaN of extreme values", async () => {
    for (const c of cases) await checkExtreme(c);
  });
});

test("every operator has a row", () => {
  // operators with bodies are tested in src/autodiff/
  const covered = new Set(["If", "Loop", "Scan", ...rows.map(({ op }) => op.type)]);
  expect(operators.filter(({ type }) => !covered.has(type)).map(({ type }) => type)).toEqual([]);
});
