/** @file Prints the cases of the operators' conformance table as JSON: what ops.py runs in PyTorch. */

import { isDType } from "../../src/graph/element-type.js";
import {
  extremesOf,
  flatInputs,
  kinksOf,
  lossCount,
  type OpCase,
  casesOf as smoothOf,
} from "../conformance/op-table.js";
import { rows } from "../conformance/rows.js";

function describe(c: OpCase, float: string): Record<string, unknown> {
  const attrs = Object.fromEntries(
    Object.entries(c.attrs).map(([name, value]) => {
      const typed = typeof value === "object" && value !== null && "type" in value ? value : undefined;
      // bodies and tensors stay out: such operators have no counterpart in PyTorch anyway
      const plain = typed === undefined ? value : "value" in typed && !isGraph(typed.value) ? typed.value : null;
      return [name, plain];
    }),
  );
  const inputs = flatInputs(c.row.op, c.inputs).flatMap(({ name, sample }) =>
    sample === undefined ? [] : [{ name, ...sample, values: sample.values.map(String) }],
  );
  const { type, domain } = c.row.op;
  return { key: c.key, type, domain, float, inputs, attrs, outputs: c.row.outputs ?? 1, lossOf: lossCount(c.row) };
}

function isGraph(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isDType(String(value));
}

const cases = rows.flatMap((row) => [
  ...[...smoothOf(row), ...kinksOf(row)].map((c) => describe(c, "float64")),
  ...extremesOf(row).map((c) => describe(c, "float32")),
]);
process.stdout.write(JSON.stringify(cases));
