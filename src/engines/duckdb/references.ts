/** @file Which columns of its inputs a query looks at, told from DuckDB's parse of it. */

import type { ColumnsOf } from "../../data/optimize.js";
import type { Database } from "./database.js";
import { render } from "./dialect.js";
import { quoteText } from "./quote.js";

/** Names in our own queries that are no columns of the inputs. */
const ours = new Set(["l", "r", "__deepframe_row"]);

export function columnsByParse(database: Database): ColumnsOf {
  return async (query, known) => {
    const sql = render(query.sql, (index) => `__in${index}`);
    const text = await database.value(`SELECT json_serialize_sql(${quoteText(sql)})`);
    const parsed = JSON.parse(String(text)) as { error: boolean };
    if (parsed.error) return undefined;
    const names = new Set<string>();
    let hasStar = false;
    visit(parsed, (node) => {
      if (node.class === "STAR") hasStar = true;
      const found = node.class === "COLUMN_REF" ? (node.column_names as string[]) : [];
      for (const name of [...found, ...((node.using_columns as string[] | undefined) ?? [])])
        names.add(name.toLowerCase());
    });
    // a lambda's parameter, or a table's name that stands for the whole row
    const isClear = [...names].every((name) => known.has(name) || ours.has(name));
    return hasStar || !isClear ? undefined : names;
  };
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
