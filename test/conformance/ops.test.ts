/** @file Every operator by its rows: shape rule against the runtime, gradient against central differences, extreme values. */

import { describe, expect, test } from "vitest";
import { isDifferentiable } from "../../src/ops/op.js";
import { operators } from "../../src/ops/registry.js";
import { checkGradient, checkHalf, checkNewest, checkSecond, checkShapes, checkSpecial } from "./checks.js";
import { casesOf, extremesOf, kinksOf, nameOf } from "./op-table.js";
import { rows } from "./rows.js";

const named = rows.map((row) => ({ name: nameOf(row), row }));

describe.each(named)("$name", ({ row }) => {
  const cases = casesOf(row);

  test("has the shapes that its rule says", async () => {
    for (const c of cases) await checkShapes(c);
  });

  test.skipIf(!isDifferentiable(row.op))("has the gradient of central differences", async () => {
    for (const c of cases) await checkGradient(c);
  });

  test.skipIf(!isDifferentiable(row.op))("has a gradient of its gradient", async () => {
    for (const c of cases.slice(0, 1)) await checkSecond(c);
  });

  test.skipIf(!isDifferentiable(row.op) || row.notHalf !== undefined)("has its gradient in float16 too", async () => {
    for (const c of cases.slice(0, 1)) await checkHalf(c);
  });

  test.skipIf(!isDifferentiable(row.op))("has the same gradient at the newest operator set", async () => {
    for (const c of cases.slice(0, 1)) await checkNewest(c);
  });

  test.skipIf(row.kinks === undefined)("has PyTorch's gradient where it jumps", async () => {
    for (const c of kinksOf(row)) await checkSpecial(c, row.float32Only === undefined ? "float64" : "float32");
  });

  test.skipIf(row.extreme === undefined)("is as finite as PyTorch at extreme values", async () => {
    for (const c of extremesOf(row)) await checkSpecial(c, "float32");
  });
});

test("every operator has a row", () => {
  // operators with bodies are tested in src/autodiff/
  const covered = new Set([":If", ":Loop", ":Scan", ...rows.map(({ op }) => `${op.domain}:${op.type}`)]);
  const all = operators.map(({ domain, type }) => `${domain}:${type}`);
  expect(all.filter((key) => !covered.has(key))).toEqual([]);
});
