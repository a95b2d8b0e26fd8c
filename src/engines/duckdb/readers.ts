/** @file Files that DuckDB itself reads, as SQL: parquet, csv, json, libsvm. */

import type { ReadPlan } from "../../data/plan.js";
import { parseType, type TensorType } from "../../data/types.js";
import { internal, listNames, ParamError } from "../../errors.js";
import type { Database } from "./database.js";
import { quoteValue } from "./dialect.js";
import { type FileKind, findFiles } from "./files.js";
import { libsvmSql } from "./libsvm.js";
import { quoteName, quoteText } from "./quote.js";
import { refuseRagged } from "./ragged-csv.js";
import { translate } from "./translate.js";
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
  const list = `[${files.map(quoteText).join(", ")}]`;
  switch (format) {
    case "parquet":
      return await parquetSql(list, files[0]!, database);
    case "csv":
      if (options.header !== false && options.names === undefined) await checkDialect(files[0]!, options, database);
      return { sql: `SELECT * FROM read_csv(${[list, ...csvOptions(options)].join(", ")})`, tensors: noTensors };
    case "json":
      return { sql: `SELECT * FROM read_json(${list})`, tensors: noTensors };
    default:
      return { sql: await libsvmSql(list, options.numFeatures as number | undefined, database), tensors: noTensors };
  }
}

/** @throws DataError with the first row that has another number of fields than the header. */
async function checkDialect(file: string, options: ReadPlan["options"], database: Database): Promise<void> {
  const delimiter = options.delimiter as string | undefined;
  const given = delimiter === undefined ? "" : `, delim = ${quoteText(delimiter)}`;
  const columns = `SELECT len(Columns) FROM sniff_csv(${quoteText(file)}${given})`;
  const count = await database.value(columns).catch(() => undefined);
  if (count !== undefined && Number(count) > 1) return;
  await refuseRagged(file, delimiter, database).catch((error) => {
    throw translate(error, "read.csv");
  });
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

function csvOptions(options: ReadPlan["options"]): string[] {
  const known = ["header", "delimiter", "quote", "nullValue", "names", "types"];
  const unknown = Object.keys(options).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new ParamError("read.csv", `unknown option ${listNames(unknown)}; there are ${listNames(known)}`);
  }
  const { header, delimiter, quote, nullValue, names, types } = options as Record<string, never>;
  const settings: string[] = [];
  if (header !== undefined) settings.push(`header = ${quoteValue(header)}`);
  if (delimiter !== undefined) settings.push(`delim = ${quoteText(delimiter)}`);
  if (quote !== undefined) settings.push(`quote = ${quoteText(quote)}`);
  if (nullValue !== undefined) settings.push(`nullstr = ${quoteText(nullValue)}`);
  if (names !== undefined) settings.push(`names = [${(names as string[]).map(quoteText).join(", ")}]`);
  if (types !== undefined) {
    const entries = Object.entries(types).map(
      ([name, type]) => `${quoteText(name)}: ${quoteText(duckTypeName(parseType(type as string)))}`,
    );
    settings.push(`types = {${entries.join(", ")}}`);
  }
  return settings;
}
