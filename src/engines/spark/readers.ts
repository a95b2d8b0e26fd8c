/** @file Files as relations: Spark's own readers, and SQL over them where our columns differ. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ReadPlan } from "../../data/plan.js";
import type { Schema } from "../../data/schema.js";
import { formatType, parseType } from "../../data/types.js";
import { internal, listNames, ParamError } from "../../errors.js";
import { quoteName } from "./dialect.js";
import type { RelationSchema } from "./proto/spark_connect_pb.js";
import { sparkType } from "./types.js";

export type Relation = MessageInitShape<typeof RelationSchema>;

/** A relation, and SQL over it (`#` stands for it) where its columns are not yet those of the reader. */
export interface Reading {
  readonly relation: Relation;
  readonly sql?: string | undefined;
}

/** Looks into files. */
export interface Ask {
  /** The first value of SQL over a relation. */
  value(reading: Reading): Promise<unknown>;
  schema(relation: Relation): Promise<Schema>;
}

/** What Spark reads for the plan. */
export async function readRelation(plan: ReadPlan, ask: Ask): Promise<Reading> {
  const { format, options } = plan;
  switch (format) {
    case "parquet":
      return { relation: source(plan, "parquet") };
    case "json":
      return { relation: source(plan, "json") };
    case "csv":
      return await readCsv(plan, ask);
    case "libsvm":
      return await readLibsvm(plan, ask);
    case "binaryFiles": {
      const relation = source(plan, "binaryFile", { recursiveFileLookup: "true" });
      return { relation, sql: `SELECT ${bare} AS path, modificationTime, length, content FROM # ORDER BY path` };
    }
    case "images": {
      const relation = source(plan, "binaryFile", { recursiveFileLookup: "true" });
      const label = options.label as string | undefined;
      const folder = label === undefined ? "" : `, element_at(split(path, '/'), -2) AS ${quoteName(label)}`;
      return {
        relation,
        sql: `SELECT ${bare} AS path, content AS image${folder} FROM # WHERE ${isPicture} ORDER BY path`,
      };
    }
    default:
      throw internal(`${format} is not read by Spark`);
  }
}

// files of this machine come without their scheme, as elsewhere
const bare = "regexp_replace(path, '^file:/+', '/')";
const isPicture = "lower(path) RLIKE '[.](jpe?g|jfif|png|webp|bmp|dib|gif|tiff?|avif)$'";

/** A path as Spark's servers understand it: files of this folder by their whole path, others as they are. */
function serverPath(path: string): string {
  const [fixed = ""] = path.split(/[*?[{]/);
  const isHere = !/^[a-z][\w+.-]*:/i.test(path) && existsSync(resolve(fixed.replace(/[^/]*$/, "") || fixed || "."));
  return isHere ? resolve(path) : path;
}

function source({ paths }: ReadPlan, format: string, options: Record<string, string> = {}): Relation {
  const dataSource = { format, paths: paths.map(serverPath), options };
  return { relType: { case: "read", value: { readType: { case: "dataSource", value: dataSource } } } };
}

const csvNames = ["header", "delimiter", "quote", "nullValue", "names", "types"];

async function readCsv(plan: ReadPlan, ask: Ask): Promise<Reading> {
  const unknown = Object.keys(plan.options).filter((name) => !csvNames.includes(name));
  if (unknown.length > 0) {
    throw new ParamError("read.csv", `unknown option ${listNames(unknown)}; there are ${listNames(csvNames)}`);
  }
  const { delimiter, quote, nullValue, names, types } = plan.options as {
    delimiter?: string;
    quote?: string;
    nullValue?: string;
    names?: readonly string[];
    types?: Readonly<Record<string, string>>;
  };
  const header = (plan.options.header as boolean | undefined) ?? (names === undefined && (await hasHeader(plan, ask)));
  const relation = source(plan, "csv", {
    header: String(header),
    inferSchema: "true",
    ...(delimiter !== undefined && { sep: delimiter }),
    ...(quote !== undefined && { quote }),
    ...(nullValue !== undefined && { nullValue }),
  });
  if (names === undefined && types === undefined) return { relation };
  // given types are read from the text: what was inferred may have lost something (as "007" has)
  const found = await ask.schema(relation);
  const fields = found.fields.map(({ name, type }, i) => {
    const own = names?.[i] ?? name;
    const given = types?.[own];
    return `${quoteName(own)} ${formatType(given === undefined ? type : sparkType(parseType(given), own, "read.csv"))}`;
  });
  return withSchema({ relation }, fields.join(", "));
}

/** What is read with a schema, as DDL or JSON, where Spark would look into the files for one. */
export function withSchema({ relation, sql }: Reading, schema: string | undefined): Reading {
  const read = relation.relType?.case === "read" ? relation.relType.value.readType : undefined;
  if (schema === undefined || sql !== undefined || read?.case !== "dataSource" || read.value.schema !== undefined) {
    return { relation, sql };
  }
  const value = { ...read.value, schema };
  return { relation: { relType: { case: "read", value: { readType: { case: "dataSource", value } } } } };
}

/** Whether the first line is no row: none of its fields is a number, and some number stands below it or all are text. */
async function hasHeader(plan: ReadPlan, ask: Ask): Promise<boolean> {
  const { delimiter = "," } = plan.options as { delimiter?: string };
  const first = await ask.value({ relation: source(plan, "text"), sql: "SELECT value FROM # LIMIT 1" });
  const fields = String(first ?? "").split(delimiter);
  return fields.every((field) => field.trim() !== "" && Number.isNaN(Number(field)));
}

async function readLibsvm(plan: ReadPlan, ask: Ask): Promise<Reading> {
  const relation = source(plan, "text");
  const lines = `SELECT split(trim(regexp_replace(value, '#.*$', '')), '\\\\s+') AS parts FROM # WHERE trim(value) <> ''`;
  const entries = "slice(parts, 2, size(parts) - 1)";
  const { numFeatures } = plan.options as { numFeatures?: number };
  const indices = `transform(${entries}, part -> CAST(split_part(part, ':', 1) AS INT))`;
  const width =
    numFeatures ??
    Number((await ask.value({ relation, sql: `SELECT max(array_max(${indices})) FROM (${lines})` })) ?? 0);
  const found = `map_from_entries(transform(${entries}, part -> struct(CAST(split_part(part, ':', 1) AS INT), CAST(split_part(part, ':', 2) AS DOUBLE))))`;
  const vector =
    width === 0 ? "array()" : `transform(sequence(1, ${width}), i -> coalesce(try_element_at(found, i), 0D))`;
  return {
    relation,
    sql: `SELECT CAST(parts[0] AS DOUBLE) AS label, ${vector} AS features FROM (SELECT parts, ${found} AS found FROM (${lines}))`,
  };
}
