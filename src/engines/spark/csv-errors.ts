/** @file Rows of CSV files at which Spark has failed, told as the embedded engine does: with file, line, and what was expected. */

import { fieldsOf, raggedMessage, shown } from "../../data/csv-lines.js";
import type { Plan, ReadPlan } from "../../data/plan.js";
import type { Schema } from "../../data/schema.js";
import { formatType } from "../../data/types.js";
import { DataError, EngineError, listNames } from "../../errors.js";
import { alwaysOver } from "./csv.js";
import { quoteName, quoteText } from "./dialect.js";
import type { SparkErrorFields } from "./errors.js";
import { type Reading, type Relation, serverPath } from "./source.js";

/** What is asked about a reader whose files cannot be read as they should. */
export interface AskAbout {
  relation(plan: ReadPlan): Promise<Relation>;
  schema(plan: ReadPlan): Promise<Schema>;
  value(reading: Reading): Promise<unknown>;
}

/** The error of a plan as one about a CSV file; undefined where it is about something else. */
export async function csvError(error: unknown, plan: Plan, ask: AskAbout): Promise<DataError | undefined> {
  if (!(error instanceof EngineError) || error.code !== "SPARK") return undefined;
  const { errorClass = "", parameters } = error.fields as unknown as SparkErrorFields;
  const url = parameters.path;
  if (!errorClass.startsWith("FAILED_READ_FILE") || url === undefined) return undefined;
  const file = /^file:/.test(url) ? decodeURI(url.replace(/^file:\/+/, "/")) : url;
  const reader = readerOf(file, plan);
  if (reader === undefined) return undefined;
  const causes = error.message.split("\ncaused by: ");
  const reason = headerMessage(file, causes) ?? (await rowMessage(file, url, causes, reader, ask));
  return reason === undefined
    ? undefined
    : new DataError("read.csv", reason, { code: "DATA", path: file, cause: error });
}

/** The reader of CSV files that a file belongs to. */
function readerOf(file: string, plan: Plan): ReadPlan | undefined {
  const readers = readersIn(plan);
  if (readers.length < 2) return readers[0];
  const begins = (path: string) =>
    file.startsWith(
      serverPath(path)
        .replace(/^file:\/*/, "/")
        .replace(/[*?[{].*/, ""),
    );
  return readers.find(({ paths }) => paths.some(begins));
}

function readersIn(plan: Plan): ReadPlan[] {
  switch (plan.kind) {
    case "read":
      return plan.format === "csv" ? [plan] : [];
    case "local":
      return [];
    case "sql":
      return plan.inputs.flatMap(readersIn);
    default:
      return readersIn(plan.input);
  }
}

function headerMessage(file: string, causes: readonly string[]): string | undefined {
  const cause = causes.find((each) => /header does not conform|column in CSV header is not equal/.test(each));
  if (cause === undefined) return undefined;
  const [, own, first] = /Header: (.*)\n\s*Schema: (.*)/.exec(cause) ?? [];
  const list = (names: string) => ` (${listNames(names.split(", "))})`;
  const [, ownWidth, width] = /Header length: (\d+), schema size: (\d+)/.exec(cause) ?? [];
  const [a, b] = own !== undefined ? [list(own), list(first!)] : [` with ${ownWidth} columns`, `, which have ${width}`];
  return `the header of ${JSON.stringify(file)}${a} is not that of the other files${b}; read them apart and join them with unionByName`;
}

async function rowMessage(
  file: string,
  url: string,
  causes: readonly string[],
  reader: ReadPlan,
  ask: AskAbout,
): Promise<string | undefined> {
  if (!causes.some((cause) => cause.startsWith("[MALFORMED_RECORD_IN_PARSING"))) return undefined;
  const schema = await ask.schema(reader);
  const reason = causes.at(-1)!.trim();
  const told = /^\[MALFORMED_CSV_RECORD\] Malformed CSV record: (.*?)(?: SQLSTATE: \w+)?$/s.exec(reason)?.[1];
  const relation = await ask.relation(reader);
  const text = told ?? (await badRow(url, relation, schema, ask));
  if (text === undefined) return undefined;
  const line = await lineOf(text, url, ask);
  const { sep = ",", quote = '"' } = sourceOf(relation)?.options ?? {};
  const fields = fieldsOf(text, sep, quote);
  const columns = schema.names;
  if (told !== undefined) {
    const message = raggedMessage({ file, line, text, columns: columns.length, fields: fields.length });
    const isOpen = quote !== "" && text.split(quote).length % 2 === 0;
    return isOpen ? `${message}; where texts go over lines, pass { multiLine: true }` : message;
  }
  const value = /^For input string: "(.*)"$/.exec(reason)?.[1];
  const column = value === undefined ? undefined : columns[fields.indexOf(value)];
  const mend = column === undefined ? "" : `; give its type, as in { types: { ${JSON.stringify(column)}: "string" } }`;
  const where = line === undefined ? "a line" : `line ${line}`;
  return `${where} of ${JSON.stringify(file)} (${shown(text)}): ${reason}${mend}`;
}

function sourceOf({ relType }: Relation) {
  const read = relType?.case === "read" ? relType.value.readType : undefined;
  return read?.case === "dataSource" ? read.value : undefined;
}

/** The text of the first row whose values do not fit. */
async function badRow(url: string, relation: Relation, schema: Schema, ask: AskAbout): Promise<string | undefined> {
  const read = sourceOf(relation);
  if (read === undefined) return undefined;
  const bad = "__deepframe_bad";
  const fields = schema.fields.map(({ name, type }) => `${quoteName(name)} ${formatType(type)}`);
  const value = {
    ...read,
    paths: [url],
    schema: [...fields, `${bad} STRING`].join(", "),
    options: { ...read.options, mode: "PERMISSIVE", columnNameOfCorruptRecord: bad },
  };
  const rows: Relation = { relType: { case: "read", value: { readType: { case: "dataSource", value } } } };
  const sql = `SELECT ${bad} FROM # WHERE ${bad} IS NOT NULL AND ${alwaysOver(schema.names)} LIMIT 1`;
  const text = await ask.value({ relation: rows, sql });
  return text === undefined || text === null ? undefined : String(text);
}

/** The number from 1 of the first line that has this text: Spark numbers rows within the blocks of a file that its tasks read. */
async function lineOf(text: string, url: string, ask: AskAbout): Promise<number | undefined> {
  const value = { format: "text", paths: [url] };
  const relation: Relation = { relType: { case: "read", value: { readType: { case: "dataSource", value } } } };
  const place = "struct(input_file_block_start() AS block, monotonically_increasing_id() AS id)";
  const found = `min(place) FILTER (WHERE value = ${quoteText(text)})`;
  const lines = `WITH lines AS (SELECT value, ${place} AS place FROM #), first AS (SELECT ${found} AS place FROM lines)`;
  const sql = `${lines} SELECT count(*) FROM lines CROSS JOIN first WHERE lines.place <= first.place`;
  const line = Number(await ask.value({ relation, sql }));
  return line > 0 ? line : undefined;
}
