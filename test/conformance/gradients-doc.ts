/** @file Writes docs/GRADIENTS.md from the rows of the conformance table and PyTorch's stored values. */

import { newestOpset, oldestOpset } from "../../src/graph/opset.js";
import { isDifferentiable } from "../../src/ops/op.js";
import { casesOf, extremesOf, kinksOf, type OpRow, wrtOf } from "./op-table.js";
import { reference } from "./torch-values.js";

const head = (torch: string) => `# Gradients

What \`gradient\` can differentiate. This file is written by \`npm run docs:gradients\` from the table that the tests run
(test/conformance/rows-*.ts); a test fails when it is out of date.

Each operator is put through its cases: broadcasting, sizes of 1, empty batches, sizes known only when the graph runs. Its
gradient is compared with central differences, in float64 where ONNX Runtime has the kernels (error below 1e-6), else in
float32 (below 2e-2); with the gradients of PyTorch ${torch}, stored in test/reference/ops.json, also where the derivative
jumps and at extreme values; with itself at operator set ${newestOpset} and in float16; and second derivatives with differences again.

Graphs of operator sets ${oldestOpset} to ${newestOpset} are read. If, Loop, Scan and a model's own functions are differentiated too. An operator that
is not here stops \`gradient\` with an error that names the node; \`gradient(graph, { ops: [rule] })\` takes a rule of your own,
made with \`defineOp\`.

`;

/** The text of docs/GRADIENTS.md. */
export function gradientsDoc(rows: readonly OpRow[]): string {
  const byOperator = new Map<string, OpRow[]>();
  for (const row of rows) {
    const key = `${row.op.domain}.${row.op.type}`;
    byOperator.set(key, [...(byOperator.get(key) ?? []), row]);
  }
  const groups = [...byOperator.values()].sort((a, b) => (title(a) < title(b) ? -1 : 1));
  const smooth = groups.filter(([row]) => isDifferentiable(row!.op));
  const flat = groups.filter(([row]) => !isDifferentiable(row!.op));
  return `${head(reference.torch)}${table(
    ["operator", "versions", "dtypes", "differences", "PyTorch", "limits"],
    smooth.map((group) => [
      title(group),
      versions(group),
      dtypes(group),
      differences(group),
      torchCases(group),
      limits(group),
    ]),
  )}
## Without a gradient

No gradient flows through these: where one is asked for behind them it is 0, as in PyTorch.

${table(
  ["operator", "versions", "why"],
  flat.map((group) => [title(group), versions(group), limits(group)]),
)}`;
}

function title([row]: readonly OpRow[]): string {
  const { type, domain } = row!.op;
  return domain === "" ? type : `${type} (${domain})`;
}

function versions(group: readonly OpRow[]): string {
  const { type, domain } = group[0]!.op;
  if (domain !== "") return "1";
  const since = Math.max(oldestOpset, reference.since[type] ?? oldestOpset, group[0]!.since ?? 0);
  const until = group[0]!.until ?? newestOpset;
  return since === until ? `${since}` : `${since}–${until}`;
}

function differences(group: readonly OpRow[]): string {
  const checked = group.filter((row) => casesOf(row).some((c) => wrtOf(c).length > 0));
  const dtypes = new Set(checked.map(({ float32Only }) => (float32Only === undefined ? "float64" : "float32")));
  return [...dtypes].sort().reverse().join(", ");
}

function dtypes(group: readonly OpRow[]): string {
  const half = group.some(({ notHalf }) => notHalf === undefined) ? ["16"] : [];
  const double = group.some(({ float32Only }) => float32Only === undefined) ? ["64"] : [];
  return `float${[...half, "32", ...double].join("/")}`;
}

function torchCases(group: readonly OpRow[]): string {
  const all = group.flatMap((row) => [...casesOf(row), ...kinksOf(row), ...extremesOf(row)]);
  const stored = all.filter(({ key }) => key in reference.cases);
  return stored.length === 0 ? "no counterpart" : `${stored.length} case${stored.length === 1 ? "" : "s"}`;
}

function limits(group: readonly OpRow[]): string {
  const texts = group.flatMap(({ limits, staticOnly }) => [limits, staticOnly]);
  return [...new Set(texts.filter((text) => text !== undefined))].join("; ");
}

function table(header: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  return row(header) + row(header.map(() => "---")) + lines.map(row).join("");
}
