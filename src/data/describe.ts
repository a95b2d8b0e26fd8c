/** @file describe(): count, mean, standard deviation, least and greatest value of columns, in one pass. */

import { SchemaError } from "../errors.js";
import { col, type Expr, lit, when } from "./expr.js";
import { input, joinSql, name, type SqlTemplate, sql, value } from "./plan.js";
import type { Relation } from "./queries.js";
import type { Schema } from "./schema.js";
import { type ColumnType, isNumeric } from "./types.js";

const statistics = ["count", "mean", "stddev", "min", "max"] as const;

/** One row with a column per statistic and described column. */
export function measures(columns: readonly string[]): Relation {
  return {
    query: ([schema]) => {
      const list = described(schema!, columns).flatMap((column, i) =>
        statistics.map((statistic) => sql`${measure(statistic, column, schema!)} AS ${name(`${statistic}${i}`)}`),
      );
      return { sql: sql`SELECT ${joinSql(list)} FROM ${input(0)}` };
    },
    stable: true,
  };
}

/** The measures (input 1) as a table for the columns of input 0: one row per statistic, every value as text, as in Spark. */
export function table(columns: readonly string[]): Relation {
  return {
    query: ([schema]) => {
      const names = described(schema!, columns);
      const rows = statistics.map((statistic, row) => {
        const cells = names.map((column, i) => sql`${name(`${statistic}${i}`)} AS ${name(column)}`);
        return sql`SELECT ${value(row)} AS position, ${value(statistic)} AS summary, ${joinSql(cells)} FROM ${input(1)}`;
      });
      const list = joinSql(["summary", ...names.map((column) => name(column))]);
      return { sql: sql`SELECT ${list} FROM (${joinSql(rows, " UNION ALL ")}) ORDER BY position` };
    },
    stable: true,
  };
}

function described(schema: Schema, columns: readonly string[]): string[] {
  if (columns.length > 0) return schema.select(columns, "describe").names;
  const names = schema.fields.filter(({ type }) => isDescribable(type)).map((field) => field.name);
  if (names.length === 0)
    throw new SchemaError("describe", "no column holds numbers or strings; name the columns to describe");
  return names;
}

function measure(statistic: (typeof statistics)[number], column: string, schema: Schema): SqlTemplate {
  const type = schema.typeOf(column)!;
  const x = col(column);
  switch (statistic) {
    case "count":
      return sql`CAST(count(${x.sql}) AS STRING)`;
    case "mean":
    case "stddev": {
      const isNumber = isNumeric(type) || type === "boolean" || (typeof type === "object" && type.kind === "decimal");
      if (!isNumber) return sql`CAST(NULL AS STRING)`;
      const numbers = x.cast("double");
      return sql`CAST(${statistic === "mean" ? sql`avg(${numbers.sql})` : deviation(numbers)} AS STRING)`;
    }
    default:
      return sql`CAST(${statistic}(${x.sql}) AS STRING)`;
  }
}

/** NaN where a number is not finite, as in Spark; DuckDB's own function fails there. */
function deviation(x: Expr): SqlTemplate {
  const isInfinite = x.isNaN().or(x.isIn(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY));
  const anyInfinite = sql`max(${when(isInfinite, 1).otherwise(0).sql}) = 1`;
  const finite = when(isInfinite, null).otherwise(x);
  return sql`CASE WHEN ${anyInfinite} THEN ${lit(Number.NaN).sql} ELSE stddev_samp(${finite.sql}) END`;
}

function isDescribable(type: ColumnType): boolean {
  return isNumeric(type) || type === "string" || (typeof type === "object" && type.kind === "decimal");
}
