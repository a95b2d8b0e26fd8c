/** @file Which columns of its inputs a query looks at, told from DuckDB's parse of it. */

import type { Database } from "./database.js";
import { quoteText } from "./quote.js";

export interface References {
  /** Names of columns, and of whatever else stands where a column may. */
  readonly names: ReadonlySet<string>;
  /** Whether `*` or COLUMNS(…) stands anywhere but at the head of a `SELECT * FROM`. */
  readonly hasStar: boolean;
}

/** What a query refers to; undefined where DuckDB cannot tell. */
export async function referencesOf(sql: string, database: Database): Promise<References | undefined> {
  const text = await database.value(`SELECT json_serialize_sql(${quoteText(sql)})`);
  const parsed = JSON.parse(String(text)) as { error: boolean };
  if (parsed.error) return undefined;
  const names = new Set<string>();
  let hasStar = false;
  visit(parsed, (node) => {
    if (node.class === "STAR") hasStar = true;
    if (node.class === "COLUMN_REF") for (const name of node.column_names as string[]) names.add(name);
    for (const name of (node.using_columns as string[] | undefined) ?? []) names.add(name);
  });
  return { names, hasStar };
}

type Node = Readonly<Record<string, unknown>>;

function visit(value: unknown, see: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, see);
  } else if (typeof value === "object" && value !== null) {
    see(value as Node);
    for (const item of Object.values(value)) visit(item, see);
  }
}
