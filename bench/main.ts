/**
 * @file `npm run bench [-- suite ... [--only text]]`: speed and memory against real peers in the same run, as a table and as JSON.
 * With `--only` a suite that can do so measures the cases alone that have the text in their names, and nothing is written.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatBytes, formatTable } from "../src/util/format.js";
import type { Measurement, Suite } from "./measure.js";

/** One line per suite. */
const suites: Readonly<Record<string, () => Promise<{ readonly suite: Suite }>>> = {
  pictures: () => import("./pictures.js"),
  rows: () => import("./rows.js"),
  predict: () => import("./predict.js"),
  spark: () => import("./spark.js"),
  gradients: () => import("./gradients.js"),
  training: () => import("./training.js"),
};

const { positionals: asked, values: options } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string" } },
});
const unknown = asked.filter((name) => suites[name] === undefined);
if (unknown.length > 0) {
  console.error(`bench: no suite ${unknown.join(", ")}; there are ${Object.keys(suites).join(", ")}`);
  process.exit(2);
}

const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, ${formatBytes(totalmem())}, Node ${process.versions.node}`;
console.log(machine);
const folder = join("bench", "results");
await mkdir(folder, { recursive: true });
for (const name of asked.length > 0 ? asked : Object.keys(suites)) {
  const { suite } = await suites[name]!();
  console.log(`\n${name}: ${suite.title}`);
  const results = await suite.run(options.only);
  console.log(formatTable(["", "deepframe", "peer", "ratio", "target", ""], results.map(row)));
  if (options.only !== undefined) continue;
  const file = join(folder, `${name}.json`);
  await writeFile(file, `${JSON.stringify({ machine, date: new Date().toISOString(), results }, null, 2)}\n`);
  console.log(`written to ${file}`);
}

function row({ name, unit, ours, peer, target, smallerIsBetter }: Measurement): string[] {
  const ratio = peer === undefined ? undefined : smallerIsBetter ? peer.value / ours : ours / peer.value;
  const reached =
    target === undefined ? undefined : target.ratio === undefined ? withinLimit() : (ratio ?? 0) >= target.ratio;
  return [
    name,
    `${figure(ours)} ${unit}`,
    peer === undefined ? "" : `${figure(peer.value)} (${peer.name})`,
    ratio === undefined ? "" : ratio.toFixed(2),
    target === undefined
      ? ""
      : target.ratio === undefined
        ? `${smallerIsBetter ? "<=" : ">="} ${figure(target.value)}`
        : `>= ${target.ratio}`,
    reached === undefined ? "" : reached ? "reached" : "MISSED",
  ];

  function withinLimit(): boolean {
    const limit = target?.value ?? 0;
    return smallerIsBetter ? ours <= limit : ours >= limit;
  }
}

function figure(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}
