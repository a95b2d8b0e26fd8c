/** @file What CSV files hold: separator, header, columns and their types, as DuckDB finds them and the files' first lines allow. */

// where rows are ragged, DuckDB skips lines or takes each for one column, and tells nobody

import { checkTypes, fieldsOf, isHeader, shown } from "../../data/csv-lines.js";
import type { CsvOptions } from "../../data/reader.js";
import { parseType } from "../../data/types.js";
import { DataError, ParamError } from "../../errors.js";
import { byHeader, type FileGroup, type Head, headOf, isEmpty } from "./csv-heads.js";
import type { Database } from "./database.js";
import { quoteValue } from "./dialect.js";
import { quoteText, quoteTexts } from "./quote.js";
import { translate } from "./translate.js";
import { duckTypeName } from "./types.js";

/** Options of DuckDB's reader by their names there; undefined where it shall look the value up. */
export type Settings = Readonly<Record<string, string | number | boolean | undefined>>;

/** How lines are cut into fields, which one is the header, and what is no line. */
export interface CsvDialect extends Settings {
  readonly delim: string;
  readonly quote: string;
  readonly escape: string;
  readonly comment: string;
  readonly header: boolean;
  readonly nullstr: string | undefined;
}

export interface CsvShape {
  readonly dialect: CsvDialect;
  /** DuckDB's types by column. */
  readonly types: ReadonlyMap<string, string>;
  readonly dateFormat: string | undefined;
  readonly timestampFormat: string | undefined;
  readonly groups: readonly FileGroup[];
}

/** What DuckDB finds in a file. */
interface Sniffed {
  readonly delim: string;
  readonly quote: string;
  readonly escape: string;
  readonly comment: string;
  readonly skip: number;
  readonly header: boolean;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly dateFormat: string | null;
  readonly timestampFormat: string | null;
}

/** @throws DataError for files whose first lines are no part of the table, or whose headers differ. */
export async function csvShape(files: readonly string[], options: CsvOptions, database: Database): Promise<CsvShape> {
  const { names = [], types = {} } = options;
  const head = await firstHead(files, options, database);
  const { dialect, sniffed } = await lookInto(head, options, database);
  if (names.length > sniffed.columns.length) {
    const message = `names has ${names.length}, but ${JSON.stringify(head.file)} ${sniffed.columns.length} columns`;
    throw new ParamError("read.csv", message, { param: "names" });
  }
  const columns = sniffed.columns.map(({ name }, i) => names[i] ?? name);
  const groups = await groupsOf(files, head, columns, dialect, options, database);
  const common = files.length > 1 ? await commonTypes(groups, dialect, database) : undefined;
  const byName = new Map(columns.map((name, i) => [name, common?.[name] ?? sniffed.columns[i]!.type]));
  checkTypes(types, columns);
  for (const [name, type] of Object.entries(types)) byName.set(name, duckTypeName(parseType(type)));
  return {
    dialect,
    types: byName,
    dateFormat: sniffed.dateFormat ?? undefined,
    timestampFormat: sniffed.timestampFormat ?? undefined,
    groups,
  };
}

export function settingsText(settings: Settings): string[] {
  return Object.entries(settings).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} = ${quoteValue(value)}`],
  );
}

/** Of the first file that has any line. */
async function firstHead(files: readonly string[], options: CsvOptions, database: Database): Promise<Head> {
  for (const file of files) {
    const head = await headOf(file, options, database);
    if (!isEmpty(head)) return head;
  }
  return { file: files[0]!, lines: [], blank: 0 };
}

async function groupsOf(
  files: readonly string[],
  first: Head,
  columns: readonly string[],
  { header, delim, quote }: CsvDialect,
  options: CsvOptions,
  database: Database,
): Promise<readonly FileGroup[]> {
  const { skip = 0 } = options;
  if (!header || files.length === 1 || isEmpty(first))
    return [{ files: [...files], columns, skip: skip + first.blank }];
  const heads: Head[] = [];
  for (const file of files) heads.push(file === first.file ? first : await headOf(file, options, database));
  const found = byHeader(heads, columns, { delimiter: delim, quote });
  return found.map((group) => ({ ...group, skip: skip + group.skip }));
}

async function lookInto(
  head: Head,
  options: CsvOptions,
  database: Database,
): Promise<{ dialect: CsvDialect; sniffed: Sniffed }> {
  const { delimiter: delim, quote, comment, header, skip = 0, nullValue: nullstr } = options;
  const asGiven = { delim, quote, escape: options.escape, comment, skip: skip || undefined, nullstr };
  const given = isEmpty(head) ? asGiven : { ...asGiven, header };
  const sniffed = await sniff(head.file, given, database).catch((error: unknown) => error as Error);
  const separator = raggedSeparator(head, sniffed, options);
  if (separator === undefined) {
    if (sniffed instanceof Error) throw translate(sniffed, "read.csv");
    // quotes may come further down than DuckDB has looked
    const found = sniffed.quote || (quote ?? '"');
    const dialect = { delim: sniffed.delim, quote: found, escape: sniffed.escape || found, header: sniffed.header };
    return { dialect: { ...dialect, comment: comment ?? "", nullstr }, sniffed };
  }
  const mark = quote ?? '"';
  const dialect: CsvDialect = {
    delim: separator,
    quote: mark,
    escape: options.escape ?? mark,
    comment: comment ?? "",
    header: header ?? isHeader(fieldsOf(head.lines[head.blank] ?? "", separator, mark)),
    nullstr,
  };
  const fixed = { ...dialect, skip: skip + head.blank, ignore_errors: true };
  const even = () => sniff(head.file, fixed, database);
  // short rows count for the types, unless they are to be left out
  if (options.mode === "DROPMALFORMED") return { dialect, sniffed: await even() };
  return { dialect, sniffed: await sniff(head.file, { ...fixed, null_padding: true }, database).catch(even) };
}

/**
 * The separator of a file with ragged rows, where DuckDB did not find its columns; undefined where it did.
 *
 * @throws DataError for lines that DuckDB would leave out.
 */
function raggedSeparator(
  { file, lines, blank }: Head,
  found: Sniffed | Error,
  options: CsvOptions,
): string | undefined {
  const { delimiter, quote = '"', comment, skip = 0 } = options;
  const first = lines[blank] ?? "";
  const width = (line: string, separator: string) => fieldsOf(line, separator, quote).length;
  const usual = [",", "\t", ";", "|"];
  const likely = found instanceof Error || found.columns.length < 2 ? usual : [found.delim, ...usual];
  const separator = (delimiter === undefined ? likely : [delimiter]).find((each) => width(first, each) > 1);
  if (found instanceof Error) return separator;
  if (comment === undefined && found.comment !== "") {
    const line = lines.findIndex((each) => each?.startsWith(found.comment));
    const where = line < 0 ? "a line" : `line ${skip + line + 1}`;
    const text = line < 0 ? "" : ` (${shown(lines[line]!)})`;
    const mend = `pass { comment: "${found.comment}" } to leave out such lines, { comment: "" } to read them`;
    const message = `${where} of ${JSON.stringify(file)}${text} begins with "${found.comment}"; ${mend}`;
    throw new DataError("read.csv", message, { code: "DATA", path: file });
  }
  if (found.skip > skip + blank) {
    if (separator !== undefined) return separator;
    const line = skip + blank + 1;
    const message = `line ${line} of ${JSON.stringify(file)} (${shown(first)}) is no part of the ${found.columns.length} columns below it; pass { skip: ${found.skip} } to leave out what is above them, or another delimiter`;
    throw new DataError("read.csv", message, { code: "DATA", path: file, line });
  }
  if (found.columns.length > 1 || separator === undefined) return undefined;
  // texts of one column that hold commas have hardly a row like the header, and some without any
  const rows = lines.slice(blank + 1).filter((line) => line !== null);
  const widths = rows.map((line) => width(line, separator));
  const isRagged = widths.includes(width(first, separator)) || (rows.length > 0 && widths.every((each) => each > 1));
  return isRagged ? separator : undefined;
}

/** Types by column that hold the values of the first files, as DuckDB joins them; undefined where it cannot. */
async function commonTypes(
  groups: readonly FileGroup[],
  settings: Settings,
  database: Database,
): Promise<Readonly<Record<string, string>> | undefined> {
  const readers = groups.slice(0, 10).map(({ files, columns, skip }) => {
    const given = settingsText({ ...settings, skip, ignore_errors: true });
    return `FROM read_csv(${[quoteTexts(files), `names = ${quoteTexts(columns)}`, ...given].join(", ")})`;
  });
  const described = `DESCRIBE (${readers.join(" UNION ALL BY NAME ")})`;
  const query = `SELECT to_json(map(list(column_name), list(column_type))) FROM (${described})`;
  const found = await database.value(query).catch(() => undefined);
  return found === undefined ? undefined : JSON.parse(String(found));
}

async function sniff(file: string, settings: Settings, database: Database): Promise<Sniffed> {
  const columns = `Delimiter AS delim, Quote AS quote, Escape AS escape, Comment AS comment, SkipRows AS skip, HasHeader AS header, Columns AS columns, DateFormat AS dateFormat, TimestampFormat AS timestampFormat`;
  const query = `SELECT to_json(found) FROM (SELECT ${columns} FROM sniff_csv(${[quoteText(file), ...settingsText(settings)].join(", ")})) AS found`;
  const isNone = (name: string, value: unknown) => value === "(empty)" && name !== "name";
  return JSON.parse(String(await database.value(query)), (name, value) => (isNone(name, value) ? "" : value));
}
