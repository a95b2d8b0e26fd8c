/** @file docs/GRADIENTS.md says what the tests check. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isDifferentiable } from "../../src/ops/op.js";
import { gradientsDoc } from "./gradients-doc.js";
import { casesOf, extremesOf, kinksOf } from "./op-table.js";
import { rows } from "./rows.js";
import { reference } from "./torch-values.js";

const path = new URL("../../../docs/GRADIENTS.md", import.meta.url);

test("docs/GRADIENTS.md is up to date; npm run docs:gradients writes it", () => {
  const text = gradientsDoc(rows);
  if (process.env.UPDATE_DOCS === "1") writeFileSync(path, text);
  expect(existsSync(path) ? readFileSync(path, "utf8") : "").toBe(text);
});

test("every stored value of PyTorch belongs to a case", () => {
  const keys = new Set(
    rows.flatMap((row) => [...casesOf(row), ...kinksOf(row), ...extremesOf(row)]).map(({ key }) => key),
  );
  expect(Object.keys(reference.cases).filter((key) => !keys.has(key))).toEqual([]);
});

test("operators without a gradient say why", () => {
  const silent = rows.filter(({ op, limits }) => !isDifferentiable(op) && limits === undefined);
  expect(silent.map(({ op }) => op.type)).toEqual([]);
});
