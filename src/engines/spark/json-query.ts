/** @file Columns as JSON can hold them: what is no number there (NaN, Infinity) is null, as on DuckDB; Spark writes it as text. */

import type { Schema } from "../../data/schema.js";
import { type ColumnType, holdsFloats } from "../../data/types.js";
import { type Relation, sqlOver } from "./compile.js";
import { quoteName, quoteText } from "./dialect.js";

export function jsonQuery(input: Relation, { fields }: Schema): Relation {
  if (!fields.some(({ type }) => holdsFloats(type))) return input;
  const list = fields.map(({ name, type }) => `${finite(quoteName(name), type, 0)} AS ${quoteName(name)}`);
  return sqlOver([input], ([from]) => `SELECT ${list.join(", ")} FROM ${from}`);
}

/** @param depth how many lambdas stand around it, each of which names its item anew */
function finite(value: string, type: ColumnType, depth: number): string {
  if (!holdsFloats(type)) return value;
  // NaN is above infinity in Spark
  if (typeof type === "string") return `CASE WHEN abs(${value}) < double('Infinity') THEN ${value} END`;
  const item = `item${depth}`;
  switch (type.kind) {
    case "decimal":
      return value;
    case "array":
    case "tensor":
      return `transform(${value}, ${item} -> ${finite(item, type.element, depth + 1)})`;
    case "struct": {
      const fields = type.fields.map(
        (field) => `${quoteText(field.name)}, ${finite(`${value}.${quoteName(field.name)}`, field.type, depth)}`,
      );
      return `CASE WHEN ${value} IS NOT NULL THEN named_struct(${fields.join(", ")}) END`;
    }
    case "map":
      return `transform_values(${value}, (key${depth}, ${item}) -> ${finite(item, type.value, depth + 1)})`;
  }
}
