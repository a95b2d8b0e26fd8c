/** @file How rows get their numbers: not through one task, where the plan's partitions or paths allow it. */

import type { Plan } from "../../data/plan.js";
import type { SparkDescriber } from "./described.js";
import { quoteName } from "./dialect.js";

/** SQL of an input with its rows' numbers from 1 as a column at the end. */
export type Numbering = (input: string, as: string) => string;

/** Spark's ids of rows are the partition's number, and below it this many bits of the row's number within it. */
const rowBits = 33;
const rowMask = 2 ** rowBits - 1;

/** All rows go through one task. */
const byWindow: Numbering = (input, as) =>
  `(SELECT *, row_number() OVER (ORDER BY monotonically_increasing_id()) AS ${quoteName(as)} FROM ${input})`;

/** The partitions' rows are counted, and each row's number within its partition added to what is before. */
const byPartition: Numbering = (input, as) => {
  const id = "__deepframe_id";
  const rows = `(SELECT *, monotonically_increasing_id() AS ${id} FROM ${input})`;
  const counts = `(SELECT part, count(*) AS n FROM (SELECT spark_partition_id() AS part FROM ${input}) GROUP BY part)`;
  const before = `(SELECT part, sum(n) OVER (ORDER BY part) - n AS before FROM ${counts})`;
  const number = `c.before + (r.${id} & ${rowMask}) + 1`;
  return `(SELECT /*+ BROADCAST(c) */ r.* EXCEPT (${id}), ${number} AS ${quoteName(as)} FROM ${rows} r JOIN ${before} c ON shiftright(r.${id}, ${rowBits}) = c.part)`;
};

/** Files are in the order of their paths: these alone go through one task, not what is in the files. */
const byPath: Numbering = (input, as) => {
  const numbers = `(SELECT path AS p, row_number() OVER (ORDER BY path) AS n FROM ${input})`;
  const rows = `SELECT /*+ BROADCAST(c) */ r.*, c.n AS ${quoteName(as)} FROM ${input} r JOIN ${numbers} c ON r.path = c.p`;
  // Spark leaves out the order of what it joins
  return `(${rows} ORDER BY ${quoteName(as)})`;
};

/** The way for the rows of a plan. */
export async function numberingOf(plan: Plan, describer: SparkDescriber): Promise<Numbering> {
  let hasPath = true;
  let source = plan;
  while (source.kind === "sql") {
    const { effect } = (await describer.query(source)).query;
    if (effect === undefined || effect.kind === "union" || (effect.kind === "rows" && effect.counts)) return byWindow;
    if (effect.kind === "pick") hasPath &&= effect.columns.some(({ from, to }) => from === "path" && to === "path");
    source = source.inputs[0]!;
  }
  if (source.kind !== "read") return byWindow;
  if (source.format === "images" || source.format === "binaryFiles") {
    // several paths may find a file twice
    const isOne = source.paths.length === 1 && !/[*?[{]/.test(source.paths[0]!);
    return isOne && hasPath ? byPath : byWindow;
  }
  // Spark cuts the same files into the same partitions each time
  return byPartition;
}
