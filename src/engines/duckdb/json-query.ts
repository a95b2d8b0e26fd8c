/** @file A query whose rows are valid JSON: what is no number in JSON (NaN, Infinity) is null, as JSON.stringify and pandas write it. */

import type { Schema } from "../../data/schema.js";
import { type ColumnType, holdsFloats } from "../../data/types.js";
import { quoteName } from "./quote.js";

export function jsonQuery(query: string, schema: Schema): string {
  const replaced = schema.fields
    .filter(({ type }) => holdsFloats(type))
    .map(({ name, type }) => `${finite(quoteName(name), type, 0)} AS ${quoteName(name)}`);
  return replaced.length === 0 ? query : `SELECT * REPLACE (${replaced.join(", ")}) FROM (${query})`;
}

/** @param depth how many lambdas stand around it, each of which names its item anew */
function finite(value: string, type: ColumnType, depth: number): string {
  if (!holdsFloats(type)) return value;
  if (typeof type === "string") return `CASE WHEN isfinite(${value}) THEN ${value} END`;
  const item = `item${depth}`;
  switch (type.kind) {
    case "decimal":
      return value;
    case "array":
    case "tensor":
      // [:] makes lists of arrays of fixed length
      return `list_transform(${value}[:], lambda ${item}: ${finite(item, type.element, depth + 1)})`;
    case "struct": {
      const fields = type.fields.map(
        (field) => `${quoteName(field.name)} := ${finite(`${value}.${quoteName(field.name)}`, field.type, depth)}`,
      );
      return `CASE WHEN ${value} IS NOT NULL THEN struct_pack(${fields.join(", ")}) END`;
    }
    case "map": {
      const entry = `{k: ${item}.key, v: ${finite(`${item}.value`, type.value, depth + 1)}}`;
      return `map_from_entries(list_transform(map_entries(${value}), lambda ${item}: ${entry}))`;
    }
  }
}
