/** @file The first lines of CSV files, and files grouped by the order of columns in their headers. */

import { fieldsOf } from "../../data/csv-lines.js";
import type { CsvOptions } from "../../data/reader.js";
import { DataError, listNames } from "../../errors.js";
import type { Database } from "./database.js";
import { quoteText } from "./quote.js";
import { translate } from "./translate.js";

/** A file's first lines, after those that are skipped. */
export interface Head {
  readonly file: string;
  /** Those without anything are null. */
  readonly lines: readonly (string | null)[];
  /** Empty lines at the file's beginning. */
  readonly blank: number;
}

/** Files one after the other whose columns come in the same order. */
export interface FileGroup {
  readonly files: string[];
  readonly columns: readonly string[];
  readonly skip: number;
}

export async function headOf(file: string, options: CsvOptions, database: Database): Promise<Head> {
  const { skip = 0, comment = "", quote = '"' } = options;
  // a buffer that holds a line of two million bytes is read in a quarter of the time of the usual one
  const settings = `auto_detect = false, header = false, skip = ${skip}, comment = ${quoteText(comment)}, delim = '\x01', quote = '', escape = '', strict_mode = false, buffer_size = 4000000, columns = {'line': 'VARCHAR'}`;
  const query = `SELECT list(line) FROM (SELECT line FROM read_csv(${quoteText(file)}, ${settings}) LIMIT 20)`;
  const found = await database.value(query).catch((error) => {
    throw translate(error, "read.csv");
  });
  const lines = joined((found ?? []) as (string | null)[], quote);
  const blank = lines.findIndex((line) => line !== null);
  return { file, lines, blank: blank < 0 ? lines.length : blank };
}

export function isEmpty({ lines, blank }: Head): boolean {
  return blank === lines.length;
}

/** Lines with a first one that may go on in the next, within quotes. */
function joined(lines: readonly (string | null)[], quote: string): (string | null)[] {
  const start = lines.findIndex((line) => line !== null);
  if (start < 0 || quote === "") return [...lines];
  let record = lines[start]!;
  let end = start + 1;
  while (record.split(quote).length % 2 === 0 && end < lines.length) record += `\n${lines[end++] ?? ""}`;
  return [...lines.slice(0, start), record, ...lines.slice(end)];
}

/**
 * Groups files by their headers; those without any line are left out.
 *
 * @param columns what the columns of the first header are called here
 * @throws DataError for a header that has other names than the first.
 */
export function byHeader(
  heads: readonly Head[],
  columns: readonly string[],
  { delimiter, quote }: { readonly delimiter: string; readonly quote: string },
): FileGroup[] {
  const [first, ...others] = heads.filter((head) => !isEmpty(head));
  if (first === undefined) return [];
  const namesOf = ({ lines, blank }: Head) => fieldsOf(lines[blank]!, delimiter, quote).map((name) => name.trim());
  const names = namesOf(first);
  const groups: FileGroup[] = [{ files: [first.file], columns, skip: first.blank }];
  for (const head of others) {
    const own = namesOf(head);
    const isSame = own.join("\n") === names.join("\n");
    const places = own.map((name) => names.indexOf(name));
    if (!isSame && (own.length !== names.length || new Set(places).size < names.length || places.includes(-1))) {
      const message = `the header of ${JSON.stringify(head.file)} (${listNames(own)}) is not that of ${JSON.stringify(first.file)} (${listNames(names)}); read them apart and join them with unionByName`;
      throw new DataError("read.csv", message, { code: "DATA", path: head.file });
    }
    const ordered = isSame ? columns : places.map((place) => columns[place]!);
    const last = groups.at(-1)!;
    const fits = last.skip === head.blank && last.columns.every((name, i) => name === ordered[i]);
    if (fits) last.files.push(head.file);
    else groups.push({ files: [head.file], columns: ordered, skip: head.blank });
  }
  return groups;
}
