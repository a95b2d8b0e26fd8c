/** @file Aggregates of several columns in one pass: what the fits of number columns ask of the engine. */

import type { DataFrame } from "../../data/dataframe.js";
import { Expr } from "../../data/expr.js";
import type { SqlTemplate } from "../../data/plan.js";
import type { FitOptions } from "../../pipeline/stage.js";

/** The results of each column, in the order of `columns`. @param resultsOf SQL aggregates by name, for a column's name */
export async function aggregateColumns<K extends string>(
  df: DataFrame,
  columns: readonly string[],
  options: FitOptions,
  resultsOf: (column: string) => Readonly<Record<K, SqlTemplate>>,
): Promise<Record<K, unknown>[]> {
  const asked = columns.map((column) => Object.entries<SqlTemplate>(resultsOf(column)));
  const aggregates = asked.flatMap((results, i) =>
    results.map(([name, sql]) => [`${name}_${i}`, new Expr(sql)] as const),
  );
  const [row] = await df.agg(Object.fromEntries(aggregates)).collect(options);
  return asked.map((results, i) => {
    return Object.fromEntries(results.map(([name]) => [name, row![`${name}_${i}`]])) as Record<K, unknown>;
  });
}
