/** @file Files that DuckDB itself reads, as SQL: parquet, csv, json, libsvm. */

import type { ReadPlan } from "../../data/plan.js";
import { parseType, type TensorType } from "../../data/types.js";
import { internal } from "../../errors.js";
import { csvSql } from "./csv.js";
import type { Database } from "./database.js";
import { type FileKind, findFiles } from "./files.js";
import { jsonSql } from "./json.js";
import { libsvmSql } from "./libsvm.js";
import { quoteName, quoteText, quoteTexts } from "./quote.js";
import { duckTypeName } from "./types.js";

const kinds: Partial<Record<ReadPlan["format"], FileKind>> = {
  parquet: { what: "parquet files", pattern: /\.parquet$/i },
  csv: { what: "csv files", pattern: /\.(csv|tsv|txt)(\.gz|\.zst)?$/i },
  json: { what: "json files", pattern: /\.(json|jsonl|ndjson)(\.gz|\.zst)?$/i },
  libsvm: { what: "libsvm files", pattern: /\.(txt|libsvm|svm)(\.gz|\.zst)?$/i },
};

export interface ReadSql {
  readonly sql: string;
  /** Columns that are tensors, which the files' own types do not tell. */
  readonly tensors: ReadonlyMap<string, TensorType>;
}

/** A query for the files' rows. Files are looked up anew with each call. */
export async function readSql(plan: ReadPlan, database: Database): Promise<ReadSql> {
  const { format, paths, options } = plan;
  const kind = kinds[format];
  if (kind === undefined) throw internal(`${format} is not read by SQL`);
  const files = await findFiles(paths, kind, `read.${format}`);
  const list = quoteTexts(files);
  switch (format) {
    case "parquet":
      return await parquetSql(list, files[0]!, database);
    case "csv":
      return { sql: await csvSql(plan, files, database), tensors: noTensors };
    case "json":
      return { sql: await jsonSql(files), tensors: noTensors };
    default:
      return { sql: await libsvmSql(list, options.numFeatures as number | undefined, database), tensors: noTensors };
  }
}

const noTensors: ReadonlyMap<string, TensorType> = new Map();

/** Where a parquet file that deepframe wrote tells which columns are tensors, as JSON of name to type. */
export const tensorsKey = "deepframe.tensors";

// parquet knows lists only
async function parquetSql(list: string, first: string, database: Database): Promise<ReadSql> {
  const found = await database
    .value(
      `SELECT decode(value) FROM parquet_kv_metadata(${quoteText(first)}) WHERE decode(key) = ${quoteText(tensorsKey)}`,
    )
    .catch(() => undefined);
  const tensors = new Map<string, TensorType>();
  for (const [name, text] of Object.entries(JSON.parse(String(found ?? "{}")) as Record<string, string>)) {
    tensors.set(name, parseType(text) as TensorType);
  }
  const casts = [...tensors].map(
    ([name, type]) => `CAST(${quoteName(name)} AS ${duckTypeName(type)}) AS ${quoteName(name)}`,
  );
  const columns = casts.length === 0 ? "*" : `* REPLACE (${casts.join(", ")})`;
  return { sql: `SELECT ${columns} FROM read_parquet(${list})`, tensors };
}
