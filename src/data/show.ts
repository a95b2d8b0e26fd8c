/** @file Rows as a table for people, in the form of Spark's show(). */

import { charactersOf, textWidth } from "../util/text-width.js";
import type { Row } from "./rows.js";

/**
 * A table of rows.
 *
 * @param truncate characters per cell at most; 0 for all
 */
export function formatTable(names: readonly string[], rows: readonly Row[], truncate: number): string {
  const heads = names.map(inOneLine);
  const cells = rows.map((row) => names.map((name) => cut(formatValue(row[name]), truncate)));
  const widths = heads.map((head, i) => Math.max(3, textWidth(head), ...cells.map((row) => textWidth(row[i]!))));
  const rule = `+${widths.map((width) => "-".repeat(width)).join("+")}+`;
  const line = (texts: readonly string[]) =>
    `|${texts.map((text, i) => " ".repeat(widths[i]! - textWidth(text)) + text).join("|")}|`;
  return [rule, line(heads), rule, ...cells.map(line), rule].join("\n");
}

/** A value as text: lists in brackets, structs in braces, bytes as hexadecimal digits. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) return "NULL";
  if (value instanceof Date)
    return value
      .toISOString()
      .replace("T", " ")
      .replace(/(\.000)?Z$/, "");
  if (value instanceof Uint8Array) {
    const shown = Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, 20)).toString("hex").toUpperCase();
    return `[${shown.replace(/(..)(?!$)/g, "$1 ")}${value.length > 20 ? "…" : ""}]`;
  }
  if (ArrayBuffer.isView(value) || Array.isArray(value)) {
    const list = value as unknown as ArrayLike<unknown>;
    const shown = Array.from({ length: Math.min(list.length, 100) }, (_, i) => formatValue(list[i]));
    return `[${shown.join(", ")}${list.length > 100 ? ", …" : ""}]`;
  }
  if (typeof value === "object") {
    return `{${Object.entries(value)
      .map(([name, item]) => `${name}: ${formatValue(item)}`)
      .join(", ")}}`;
  }
  // a float32 as short as it is written, not with the digits of its double
  if (typeof value === "number" && !Number.isInteger(value) && Math.fround(value) === value) {
    return String(Number(value.toPrecision(8)));
  }
  return inOneLine(String(value));
}

/** Text without line breaks, nor the control characters by which data could steer a terminal. */
function inOneLine(text: string): string {
  return text.replace(/[\r\n\t]/g, " ").replace(/\p{Cc}/gu, "\ufffd");
}

function cut(text: string, truncate: number): string {
  const characters = charactersOf(text);
  if (truncate <= 0 || characters.length <= truncate) return text;
  return truncate < 4 ? characters.slice(0, truncate).join("") : `${characters.slice(0, truncate - 3).join("")}...`;
}
