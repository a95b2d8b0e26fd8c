/** @file Lines of CSV files: their fields, whether they are a header, and what is said of one that does not fit. */

import { listNames, ParamError } from "../errors.js";

/** The fields of one line; a quote within a quoted field is written twice. */
export function fieldsOf(line: string, delimiter: string, quote: string): string[] {
  const fields: string[] = [];
  let field = "";
  let isQuoted = false;
  for (let i = 0; i < line.length; i++) {
    const isQuote = quote !== "" && line.startsWith(quote, i);
    if (isQuoted && isQuote && line.startsWith(quote, i + 1)) field += line[i++];
    else if (isQuote && (isQuoted || field === "")) isQuoted = !isQuoted;
    else if (!isQuoted && line.startsWith(delimiter, i)) {
      fields.push(field);
      field = "";
      i += delimiter.length - 1;
    } else field += line[i];
  }
  fields.push(field);
  return fields;
}

/** Whether a first line may hold the columns' names: each field has something in it, and none is a number. */
export function isHeader(fields: readonly string[]): boolean {
  return fields.every((field) => field.trim() !== "" && Number.isNaN(Number(field)));
}

/** @throws ParamError for a type of a column that is not there. */
export function checkTypes(types: Readonly<Record<string, string>> = {}, columns: readonly string[]): void {
  const stray = Object.keys(types).find((name) => !columns.includes(name));
  if (stray === undefined) return;
  throw new ParamError("read.csv", `types has "${stray}", which is no column (there are ${listNames(columns)})`);
}

/** A row that has another number of fields than there are columns. */
export interface RaggedRow {
  readonly file: string;
  /** Its number from 1, where it is known. */
  readonly line: number | undefined;
  readonly text: string;
  readonly columns: number;
  readonly fields: number;
}

export function raggedMessage({ file, line, text, columns, fields }: RaggedRow): string {
  const where = `${line === undefined ? "a line" : `line ${line}`} of ${JSON.stringify(file)} (${shown(text)})`;
  const count = `${columns} field${columns === 1 ? "" : "s"}`;
  return `${where} must have ${count}, got ${fields}; mend it, or pass { mode: "DROPMALFORMED" } to leave out such rows, "PERMISSIVE" to pad and cut them`;
}

/** The beginning of a line, for messages. */
export function shown(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
