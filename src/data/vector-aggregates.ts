/** @file Aggregates of a vector column, place by place, computed by the engine. */

import { DataError, type Who } from "../errors.js";
import type { DataFrame } from "./dataframe.js";
import type { RunOptions } from "./engine.js";
import { elements, input, joinSql, name, type SqlTemplate, sql } from "./plan.js";
import { queryOver } from "./query.js";

export interface VectorAggregateOptions extends RunOptions {
  /** Leaves NaN out; it is an error otherwise. */
  readonly ignoreNaN?: boolean;
}

/**
 * Aggregates over each place of the vectors (tensors count flat, row-major). Only the results come to this process.
 *
 * @param results SQL aggregates of `value`, a finite double, as in `avg(value)`
 * @returns per result, one number for each place
 * @throws DataError where there are no rows, or a vector is null, holds a null or an infinity, or differs in length.
 * @example
 * const { top } = await aggregateVectors(df, "features", this, {}, { top: sql`max(value)` });
 */
export async function aggregateVectors<K extends string>(
  df: DataFrame,
  column: string,
  who: Who,
  { ignoreNaN = false, ...options }: VectorAggregateOptions,
  results: Readonly<Record<K, SqlTemplate>>,
): Promise<Record<K, number[]>> {
  const names = Object.keys(results) as K[];
  const asked = names.map((each) => sql`${results[each]} AS ${name(each)}`);
  // null - null is null and infinity - infinity is NaN: only finite numbers give 0
  const places = await queryOver(
    df,
    [column],
    "aggregateVectors",
    sql`SELECT place, count(*) AS total, count(item) AS present, count(value) AS finite,
      count(CASE WHEN isnan(item) THEN 1 END) AS nans, ${joinSql(asked)}
    FROM (SELECT place, item, CASE WHEN item - item = 0 THEN item END AS value
      FROM (SELECT place, CAST(value AS DOUBLE) AS item FROM (SELECT ${elements(column)} FROM ${input(0)}) AS items) AS doubles
    ) AS numbers GROUP BY place ORDER BY place`,
  ).collect(options);
  const fail = (reason: string, code: string): never => {
    throw new DataError(who, reason, { code, column });
  };
  if (places.length === 0) fail(`no rows to learn from: column "${column}" has no vectors`, "NO_ROWS");
  const rows = Math.max(...places.map(({ total }) => Number(total)));
  for (const { place, total, present, nans, finite } of places) {
    const nulls = Number(total) - Number(present);
    if (nulls > 0) fail(`column "${column}" holds ${nulls} nulls; drop or fill those rows first`, "NULLS");
    const bad = Number(total) - Number(finite) - (ignoreNaN ? Number(nans) : 0);
    const what = ignoreNaN ? "infinities" : "NaN or infinities";
    if (bad > 0)
      fail(`column "${column}" holds ${bad} ${what} at place ${place}; drop or fill those rows first`, "NOT_FINITE");
    if (Number(finite) === 0)
      fail(`column "${column}" holds only NaN at place ${place}; leave that place out`, "NOT_FINITE");
    if (Number(total) < rows)
      fail(`column "${column}" has vectors of different lengths; make them equal first`, "LENGTHS");
  }
  return Object.fromEntries(names.map((each) => [each, places.map((row) => Number(row[each]))])) as Record<K, number[]>;
}
