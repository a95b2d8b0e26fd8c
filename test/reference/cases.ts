/** @file Prints the cases of the operators' conformance table as JSON: what ops.py runs in PyTorch. */

import { casesOf, extremesOf, flatInputs, kinksOf, lossCount, type OpCase } from "../conformance/op-table.js";
import { rows } from "../conformance/rows.js";

function describe(c: OpCase, float: string): Record<string, unknown> {
  const attrs = Object.fromEntries(Object.entries(c.attrs).map(([name, value]) => [name, plain(value)]));
  const inputs = flatInputs(c.row.op, c.inputs).flatMap(({ name, sample }) =>
    sample === undefined ? [] : [{ name, ...sample, values: sample.values.map(String) }],
  );
  const { type, domain } = c.row.op;
  return { key: c.key, type, domain, float, inputs, attrs, outputs: c.row.outputs ?? 1, lossOf: lossCount(c.row) };
}

/** Numbers, texts and lists; bodies and tensors stay out, PyTorch has no counterpart of such cases. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return "value" in value && "type" in value ? plain(value.value) : null;
}

const cases = rows.flatMap((row) => [
  ...[...casesOf(row), ...kinksOf(row)].map((c) => describe(c, "float64")),
  ...extremesOf(row).map((c) => describe(c, "float32")),
]);
process.stdout.write(JSON.stringify(cases));
