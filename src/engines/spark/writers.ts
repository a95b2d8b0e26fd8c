/** @file Writing through Spark: a folder of files, which Spark makes visible as a whole. */

import { resolve } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { WriteOptions } from "../../data/engine.js";
import type { Schema } from "../../data/schema.js";
import { listNames, ParamError, SchemaError } from "../../errors.js";
import type { Relation } from "./compile.js";
import { sqlOver } from "./compile.js";
import { quoteName } from "./dialect.js";
import { jsonQuery } from "./json-query.js";
import type { WriteOperationSchema } from "./proto/spark_connect_pb.js";

/** Our options by Spark's names. */
const known: Readonly<Record<WriteOptions["format"], Readonly<Record<string, string>>>> = {
  parquet: { compression: "compression" },
  csv: { header: "header", delimiter: "sep" },
  json: {},
};

export function writeOperation(
  input: Relation,
  schema: Schema,
  path: string,
  { format, mode, signal: _, ...options }: WriteOptions,
): MessageInitShape<typeof WriteOperationSchema> {
  const names = known[format];
  const unknown = Object.keys(options).filter((name) => names[name] === undefined && options[name] !== undefined);
  if (unknown.length > 0) {
    const there = listNames(["overwrite", ...Object.keys(names)]);
    throw new ParamError(`write.${format}`, `unknown option ${listNames(unknown)}; on Spark there are ${there}`);
  }
  const settings = Object.entries({ ...(format === "csv" && { header: true, escape: '"' }), ...options })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]): [string, string] => [names[name] ?? name, String(value)]);
  return {
    input: format === "csv" ? asText(input, schema) : format === "json" ? jsonQuery(input, schema) : input,
    source: format,
    saveType: { case: "path", value: /^[a-z][\w+.-]*:/i.test(path) ? path : resolve(path) },
    mode: mode === "overwrite" ? 2 : 3,
    options: Object.fromEntries(settings),
  };
}

/** CSV holds text and numbers only; the rest becomes text as Spark writes it. */
function asText(input: Relation, schema: Schema): Relation {
  const list = schema.fields.map(({ name, type }) => {
    if (typeof type === "object" && type.kind === "map") {
      throw new SchemaError("write.csv", `column "${name}" is a map, which CSV cannot hold; drop or convert it first`);
    }
    const isNested = typeof type === "object" && type.kind !== "decimal";
    return isNested || type === "binary" ? `CAST(${quoteName(name)} AS STRING) AS ${quoteName(name)}` : quoteName(name);
  });
  return sqlOver([input], ([from]) => `SELECT ${list.join(", ")} FROM ${from}`);
}
