/** @file How Spark SQL spells names, values and types. */

import { renderSql, type SqlLiteral, type SqlTemplate } from "../../data/plan.js";
import { formatType } from "../../data/types.js";
import { sparkType } from "./types.js";

export function quoteName(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function quoteValue(value: SqlLiteral): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return quoteText(value);
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return `double('${value}')`;
  // whole numbers are INT or BIGINT by their size; a fraction without exponent would be a DECIMAL
  return Number.isSafeInteger(value) ? String(value) : `${value}D`;
}

/** Spark's spelling of a template whose inputs are spelled by `input`, with their rows' numbers by `numbered`. */
export function render(
  template: SqlTemplate,
  input: (index: number) => string,
  numbered: (index: number, as: string) => string = input,
): string {
  return renderSql(template, {
    input,
    name: quoteName,
    value: quoteValue,
    type: (type) => formatType(sparkType(type)),
    without: (names) => `* EXCEPT (${names.map(quoteName).join(", ")})`,
    elements: (column) => `posexplode(coalesce(${quoteName(column)}, array(NULL))) AS (place, value)`,
    numbered,
  });
}
