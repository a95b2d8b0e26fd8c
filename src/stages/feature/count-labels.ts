/** @file How often each label stands in columns, counted by the engine in one pass over the rows. */

import { toArrowType } from "../../data/arrow-types.js";
import type { DataFrame } from "../../data/dataframe.js";
import { input, joinSql, name, sql } from "../../data/plan.js";
import { queryOver } from "../../data/query.js";
import type { FitOptions } from "../../pipeline/stage.js";
import { labelOf } from "./label.js";

/** Rows per label; nulls and NaN are not counted. */
export type LabelCounts = ReadonlyMap<string, number>;

/** Counts for each of the columns. The result holds the labels, which become parameters, and nothing else. */
export async function countLabels(
  df: DataFrame,
  columns: readonly string[],
  options: FitOptions,
): Promise<LabelCounts[]> {
  const schema = await df.schema();
  const keys = columns.map((_, i) => `label_${i}`);
  const picked = joinSql(columns.map((column, i) => sql`${name(column)} AS ${name(keys[i]!)}`));
  const sets = joinSql(keys.map((key) => sql`(${name(key)})`));
  const groups = joinSql(keys.map((key, i) => sql`grouping(${name(key)}) AS ${name(`without_${i}`)}`));
  const counted = queryOver(
    df,
    columns,
    "StringIndexer.fit",
    sql`
    SELECT ${joinSql(keys.map(name))}, ${groups}, count(*) AS occurrences
    FROM (SELECT ${picked} FROM ${input(0)}) AS labels GROUP BY GROUPING SETS (${sets})`,
  );
  const counts = columns.map(() => new Map<string, number>());
  for (const row of await counted.collect(options)) {
    const column = columns.findIndex((_, i) => Number(row[`without_${i}`]) === 0);
    const label = labelOf(row[keys[column]!], toArrowType(schema.typeOf(columns[column]!)!));
    // two values may be one label: NaN of any kind are none, 0 and -0 are one
    if (label !== null) counts[column]!.set(label, (counts[column]!.get(label) ?? 0) + Number(row.occurrences));
  }
  return counts;
}
