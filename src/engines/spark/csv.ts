/** @file CSV files on Spark: separator, escapes and header are looked up in the first lines, as the embedded engine does. */

import { checkTypes, fieldsOf, isHeader } from "../../data/csv-lines.js";
import type { ReadPlan } from "../../data/plan.js";
import type { CsvOptions } from "../../data/reader.js";
import { formatType, parseType } from "../../data/types.js";
import { ParamError } from "../../errors.js";
import { quoteName, quoteText } from "./dialect.js";
import { type Ask, type Reading, type Relation, source, withSchema } from "./source.js";
import { sparkType } from "./types.js";

/** What Spark reads for CSV files. @throws ParamError for options that Spark cannot follow. */
export async function readCsv(plan: ReadPlan, ask: Ask): Promise<Reading> {
  const { names, types, mode, skip } = plan.options as CsvOptions;
  if (skip) {
    const message = "Spark skips no lines at a file's beginning; pass { comment } if they begin alike, or cut them off";
    throw new ParamError("read.csv", message, { param: "skip" });
  }
  const relation = csvSource(plan, await lookInto(plan, ask));
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

/** How files are cut into fields, as given or as their first lines have it. */
interface Dialect {
  readonly sep: string;
  readonly escape: string;
  readonly header: boolean;
  /** Whether Spark takes the names as the header has them. */
  readonly isPlain: boolean;
}

async function lookInto(plan: ReadPlan, ask: Ask): Promise<Dialect> {
  const options = plan.options as CsvOptions;
  const { delimiter, quote = '"', comment, header, names } = options;
  const isComment = comment ? ` OR startswith(value, ${quoteText(comment)})` : "";
  const lines = `SELECT value FROM # WHERE NOT (trim(value) = ''${isComment}) LIMIT 1000`;
  // quotes within texts: after backslashes, as Spark writes them unasked, or doubled
  const slashes = `max(contains(value, ${quoteText('\\"')}))`;
  const doubled = `max(value RLIKE ${quoteText('[^\\s,;|"\\\\]""')})`;
  const found = `named_struct('first', first(value), 'slashes', ${slashes}, 'doubled', ${doubled})`;
  const json = await ask.value({
    relation: source(plan, "text"),
    sql: `SELECT to_json(${found}) FROM (${lines})`,
  });
  const looked = JSON.parse(String(json)) as { first?: string; slashes?: boolean; doubled?: boolean };
  const first = looked.first ?? "";
  const count = (separator: string) => fieldsOf(first, separator, quote).length;
  const sep = delimiter ?? [",", "\t", ";", "|"].reduce((best, each) => (count(each) > count(best) ? each : best));
  const fields = fieldsOf(first, sep, quote);
  const isPlain = new Set(fields.map((field) => field.toLowerCase())).size === fields.length && !fields.includes("");
  return {
    sep,
    escape: options.escape ?? (looked.slashes && !looked.doubled ? "\\" : quote),
    header: header ?? (names === undefined && isHeader(fields)),
    isPlain,
  };
}

function csvSource(plan: ReadPlan, dialect: Dialect): Relation {
  const { quote = '"', nullValue, comment, multiLine = false, mode = "FAILFAST", names } = plan.options as CsvOptions;
  return source(plan, "csv", {
    header: String(dialect.header),
    inferSchema: "true",
    sep: dialect.sep,
    quote,
    escape: dialect.escape,
    mode,
    // rows are looked at whole, whatever is asked for, and so are the headers of all files
    columnPruning: "false",
    enforceSchema: String(names !== undefined || !dialect.isPlain),
    multiLine: String(multiLine),
    ...(nullValue !== undefined && { nullValue }),
    ...(comment !== undefined && { comment }),
  });
}
