/** @file What tells a row from others in messages: its first columns of plain values. */

import * as arrow from "apache-arrow";
import { valueAt } from "./rows.js";

/** Columns that are shown at most, and characters of a text. */
const shownColumns = 8;
const shownText = 200;

/** The first columns of numbers, texts, truth values, times; long texts are cut. */
export function rowKey(batch: arrow.RecordBatch, row: number): Record<string, string | number | boolean | null> {
  const plain = batch.schema.fields.flatMap(({ name, type }, i) => (isPlain(type) ? [{ name, i }] : []));
  return Object.fromEntries(
    plain.slice(0, shownColumns).map(({ name, i }) => [name, shown(valueAt(batch.data.children[i]!, row))]),
  );
}

/** As in `id 4711, path "a.jpg"`. */
export function keyInWords(key: Readonly<Record<string, unknown>>): string {
  return Object.entries(key)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
    .join(", ");
}

function isPlain(type: arrow.DataType): boolean {
  return !arrow.DataType.isBinary(type) && !arrow.DataType.isLargeBinary(type) && (type.children ?? []).length === 0;
}

function shown(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) return value;
  const text = value instanceof Date ? value.toISOString() : String(value);
  return text.length <= shownText ? text : `${text.slice(0, shownText - 1)}…`;
}
