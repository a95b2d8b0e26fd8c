/** @file How DuckDB spells names and values. */

import { renderSql, type SqlLiteral, type SqlTemplate } from "../../data/plan.js";
import { quoteName, quoteText } from "./quote.js";
import { duckTypeName } from "./types.js";

export function quoteValue(value: SqlLiteral): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return quoteText(value);
  if (typeof value === "number") {
    if (Number.isInteger(value)) return Math.abs(value) > Number.MAX_SAFE_INTEGER ? `${value}::DOUBLE` : String(value);
    if (!Number.isFinite(value)) return `'${value}'::DOUBLE`;
    return `${value}::DOUBLE`;
  }
  return String(value);
}

/** DuckDB's spelling of a template whose inputs are spelled by `input`. */
export function render(template: SqlTemplate, input: (index: number) => string): string {
  return renderSql(template, {
    input,
    name: quoteName,
    value: quoteValue,
    type: duckTypeName,
    numbered: (index, as) => `(SELECT *, row_number() OVER () AS ${quoteName(as)} FROM ${input(index)})`,
    without: (names) => `* EXCLUDE (${names.map(quoteName).join(", ")})`,
    elements: (column) => {
      // [:] makes lists of arrays of fixed length, which coalesce does not take
      const list = `coalesce(${quoteName(column)}[:], [NULL])`;
      return `generate_subscripts(${list}, 1) - 1 AS place, unnest(${list}) AS value`;
    },
  });
}
