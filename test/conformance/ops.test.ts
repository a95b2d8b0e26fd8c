/** @file Every operator by its rows: shape rule against the runtime, gradient against central differences, extreme values. */

import { describe, expect, test } from "vitest";
import { operators } from "../../src/ops/registry.js";
import { casesOf, checkExtreme, checkGradient, checkShapes } from "./op-table.js";
import { rows as core } from "./rows-core.js";
import { rows as network } from "./rows-network.js";

const rows = [...core, ...network];

describe.each(rows.map((row) => ({ type: row.name === undefined ? row.op.type : `${row.op.type}, ${row.name}`, row })))(
  "$type",
  ({ row }) => {
    const cases = casesOf(row);

    test("has the shapes that its rule says", async () => {
      for (const c of cases) await checkShapes(c);
    });

    test.skipIf(row.op.grad === null)("has the gradient of central differences", async () => {
      for (const c of cases) await checkGradient(c);
    });

    test.skipIf(row.extreme === undefined)("makes no NaN of extreme values", async () => {
      for (const c of cases) await checkExtreme(c);
    });
  },
);

test.todo("every operator has a row", () => {
  const covered = new Set(rows.map(({ op }) => op.type));
  expect(operators.filter(({ type }) => !covered.has(type)).map(({ type }) => type)).toEqual([]);
});
