/** @file Files as relations: Spark's own readers, and SQL over them where our columns differ. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { checkTypes, fieldsOf, isHeader } from "../../data/csv-lines.js";
import type { ReadPlan } from "../../data/plan.js";
import type { CsvOptions } from "../../data/reader.js";
import type { Schema } from "../../data/schema.js";
import { formatType, parseType } from "../../data/types.js";
import { internal, ParamError } from "../../errors.js";
import { quoteName, quoteText } from "./dialect.js";
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
      // a line that is no JSON would otherwise be a row of nulls, beside a column of Spark's own
      return { relation: source(plan, "json", { mode: "FAILFAST", multiLine: String(await isLongArray(plan, ask)) }) };
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
export function serverPath(path: string): string {
  const [fixed = ""] = path.split(/[*?[{]/);
  const isHere = !/^[a-z][\w+.-]*:/i.test(path) && existsSync(resolve(fixed.replace(/[^/]*$/, "") || fixed || "."));
  return isHere ? resolve(path) : path;
}

function source({ paths }: ReadPlan, format: string, options: Record<string, string> = {}): Relation {
  const dataSource = { format, paths: paths.map(serverPath), options };
  return { relType: { case: "read", value: { readType: { case: "dataSource", value: dataSource } } } };
}

async function readCsv(plan: ReadPlan, ask: Ask): Promise<Reading> {
  const { header, names, types, mode, skip } = plan.options as CsvOptions;
  if (skip) {
    const message = "Spark skips no lines at a file's beginning; pass { comment } if they begin alike, or cut them off";
    throw new ParamError("read.csv", message, { param: "skip" });
  }
  const relation = csvSource(plan, header ?? (names === undefined && (await hasHeader(plan, ask))));
  if (names === undefined && types === undefined && mode !== "DROPMALFORMED") return { relation };
  const found = await ask.schema(relation);
  const columns = found.names.map((name, i) => names?.[i] ?? name);
  checkTypes(types, columns);
  // given types are read from the text: what was inferred may have lost something (as "007" has)
  const fields = found.fields.map(({ type }, i) => {
    const own = columns[i]!;
    const given = types?.[own];
    return `${quoteName(own)} ${formatType(given === undefined ? type : sparkType(parseType(given), own, "read.csv"))}`;
  });
  const read = withSchema({ relation }, fields.join(", "));
  // bad rows are left out whatever is asked for
  return mode === "DROPMALFORMED" ? { ...read, sql: `SELECT * FROM # WHERE ${alwaysOver(columns)}` } : read;
}

/** A condition that always holds, which Spark does not know: so it reads these columns, and meets the values that do not fit. */
export function alwaysOver(columns: readonly string[]): string {
  return `crc32(CAST(hash(${columns.map(quoteName).join(", ")}) AS STRING)) >= 0`;
}

function csvSource(plan: ReadPlan, header: boolean): Relation {
  const options = plan.options as CsvOptions;
  const { delimiter, quote = '"', nullValue, comment, multiLine = false, mode = "FAILFAST", names } = options;
  return source(plan, "csv", {
    header: String(header),
    inferSchema: "true",
    quote,
    escape: options.escape ?? quote,
    mode,
    // rows are looked at whole, whatever is asked for, and so are the headers of all files
    columnPruning: "false",
    enforceSchema: String(names !== undefined),
    multiLine: String(multiLine),
    ...(delimiter !== undefined && { sep: delimiter }),
    ...(nullValue !== undefined && { nullValue }),
    ...(comment !== undefined && { comment }),
  });
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

/** Whether the first line begins an array that goes on in the next. */
async function isLongArray(plan: ReadPlan, ask: Ask): Promise<boolean> {
  const line = "SELECT value FROM # WHERE trim(value) <> '' LIMIT 1";
  const first = String((await ask.value({ relation: source(plan, "text"), sql: line })) ?? "");
  const text = first.replace(/^\ufeff/, "").trim();
  return text.startsWith("[") && !text.endsWith("]");
}

/** Whether the first line is no row: none of its fields is a number, and some number stands below it or all are text. */
async function hasHeader(plan: ReadPlan, ask: Ask): Promise<boolean> {
  const { delimiter = ",", quote = '"', comment } = plan.options as CsvOptions;
  const isLine = comment === undefined ? "" : `WHERE NOT startswith(value, ${quoteText(comment)})`;
  const first = await ask.value({ relation: source(plan, "text"), sql: `SELECT value FROM # ${isLine} LIMIT 1` });
  return isHeader(fieldsOf(String(first ?? ""), delimiter, quote));
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
