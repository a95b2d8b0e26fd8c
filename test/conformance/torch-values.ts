/** @file Gradients that PyTorch gives for the cases of the table, stored by test/reference/ops.py. */

import { existsSync, readFileSync } from "node:fs";
import { expect } from "vitest";
import type { DType } from "../../src/tensor/dtype.js";
import type { Tensor } from "../../src/tensor/tensor.js";

interface Reference {
  readonly torch: string;
  /** First version of ONNX's operator set that has the operator. */
  readonly since: Readonly<Record<string, number>>;
  /** Per case the loss and the gradient of each input; of long ones every n-th element. */
  readonly cases: Readonly<Record<string, Readonly<Record<string, readonly (number | string)[]>>>>;
}

const path = new URL("../../../test/reference/ops.json", import.meta.url);

export const reference: Reference = existsSync(path)
  ? JSON.parse(readFileSync(path, "utf8"))
  : { torch: "", since: {}, cases: {} };

/** Most elements of one tensor that are stored. */
const stored = 32;

const howTo =
  "after a change of rows: node .build/test/reference/cases.js | python test/reference/ops.py (PyTorch and onnx needed)";

/** Compares `grad/x` of all inputs and the loss; false where PyTorch has no counterpart. */
export function compareWithReference(
  c: { readonly key: string; readonly row: { readonly tolerance?: number } },
  results: Readonly<Record<string, Tensor>>,
  float: DType,
): boolean {
  const wanted = reference.cases[c.key];
  if (wanted === undefined) return false;
  // six digits are stored
  const tolerance = float === "float64" ? 2e-5 : 2e-3;
  for (const [name, expected] of Object.entries(wanted)) {
    const found = name === "loss" ? results.loss : results[`grad/${name}`];
    if (found === undefined) continue;
    const every = Math.max(1, Math.ceil(found.size / stored));
    const picked = found.toNumbers().filter((_, i) => i % every === 0);
    expect(picked.length, `${c.key}: elements of grad/${name} in ops.json; ${howTo}`).toBe(expected.length);
    picked.forEach((value, i) => {
      const exact = Number(expected[i]);
      const same =
        Object.is(value, exact) || value === exact || Math.abs(value - exact) <= tolerance * (1 + Math.abs(exact));
      expect(same, `${c.key}: ${name}[${i * every}] is ${value}, PyTorch has ${exact}; ${howTo}`).toBe(true);
    });
  }
  return true;
}
