/** @file CSV files whose rows have other numbers of fields than their header: DuckDB would take each line for one column. */

import type { Database } from "./database.js";
import { quoteText } from "./quote.js";

/**
 * Reads a file to its first ragged row where it looks like one.
 *
 * @param delimiter as the user gave it
 * @throws DuckDB's error with line, expected and found numbers of fields.
 */
export async function refuseRagged(file: string, delimiter: string | undefined, database: Database): Promise<void> {
  const path = quoteText(file);
  const line = `SELECT h FROM read_csv(${path}, auto_detect = false, header = false, delim = '\\n', quote = '', escape = '', columns = {'h': 'VARCHAR'}) LIMIT 1`;
  const header = String((await database.value(line).catch(() => undefined)) ?? "");
  const separator = delimiter ?? [",", "\t", ";", "|"].find((each) => header.includes(each));
  if (separator === undefined || header.includes('"')) return;
  const names = header.split(separator);
  if (names.length < 2) return;
  const columns = names.map((_, i) => `'c${i}': 'VARCHAR'`).join(", ");
  const read = `read_csv(${path}, auto_detect = false, header = true, delim = ${quoteText(separator)}, quote = '"', escape = '"', columns = {${columns}}`;
  // a file of texts that hold commas has hardly a row like its header
  const fitting = Number(await database.value(`SELECT count(*) FROM ${read}, ignore_errors = true)`).catch(() => 0));
  if (fitting > 0) await database.value(`SELECT count(c${names.length - 1}) FROM ${read})`);
}
