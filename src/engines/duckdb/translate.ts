/** @file DuckDB's errors in our words. */

import { raggedMessage } from "../../data/csv-lines.js";
import {
  DataError,
  DeepframeError,
  didYouMean,
  EngineError,
  listNames,
  messageOf,
  SchemaError,
  type Who,
} from "../../errors.js";

/**
 * DuckDB's error as one of ours; ours stay as they are.
 *
 * @param columns of the data the query reads, for the message
 */
export function translate(cause: unknown, who: Who, columns: readonly string[] = []): Error {
  if (cause instanceof DeepframeError || (cause instanceof Error && cause.name === "AbortError")) return cause;
  const message = messageOf(cause);
  const column = /Referenced column "([^"]*)" (?:was )?not found/.exec(message)?.[1];
  if (column !== undefined) {
    const hint = didYouMean(column, columns);
    return new SchemaError(who, `no column "${column}" in the data (it has ${listNames(columns)})${hint}`, {
      code: "NO_COLUMN",
      column,
      columns,
      cause,
    });
  }
  const table = /Table with name (.+?) does not exist/.exec(message)?.[1];
  if (table !== undefined) {
    const near = /Did you mean "([^"]*)"/.exec(message)?.[1];
    const hint =
      near !== undefined && !/deepframe|\b(pg|duckdb|sqlite)_/.test(near)
        ? `; did you mean "${near.replace(/^.*\./, "")}"?`
        : "";
    return new DataError(who, `no table or view "${table}"${hint || "; name one with createOrReplaceTempView"}`, {
      code: "NO_TABLE",
      table,
      cause,
    });
  }
  if (message.includes("A CTE needs a SELECT")) {
    const text = "only queries run here; put DESCRIBE and SUMMARIZE in brackets, as in SELECT * FROM (DESCRIBE people)";
    return new SchemaError(who, text, { code: "SQL", cause });
  }
  const csv = csvError(message);
  if (csv !== undefined) return new DataError("read.csv", csv, { code: "DATA", cause });
  const [first = ""] = message.split("\n");
  const [, kind = "", rest = first] = /^([A-Z][\w ]*?) (?:Error|exception): (.*)$/i.exec(first) ?? [];
  const text = rest.trim();
  if (/^(Binder|Parser|Catalog|Syntax)$/i.test(kind)) return new SchemaError(who, text, { code: "SQL", cause });
  if (/^Out of Memory$/i.test(kind)) {
    return new EngineError(who, `${text}; give Session.open a larger memoryLimit, or fewer columns`, {
      code: "MEMORY",
      cause,
    });
  }
  if (/^(Conversion|Invalid Input|Out of Range|IO|Invalid|Constraint)$/i.test(kind)) {
    return new DataError(who, text, { code: "DATA", cause });
  }
  return new EngineError(who, first, { cause });
}

/** DuckDB's page on a CSV line that cannot be read, as one sentence. */
function csvError(message: string): string | undefined {
  const [, line, original = "", reason = ""] =
    /CSV Error on Line: (\d+)\n(?:Original Line: (.*)\n)?(?:Possible fixes.*\n)?(.+)/.exec(message) ?? [];
  if (line === undefined) return undefined;
  const file = /^\s*file = (.*)$/m.exec(message)?.[1];
  const [, columns, fields] = /^Expected Number of Columns: (\d+) Found: (\d+)/.exec(reason) ?? [];
  if (columns !== undefined && file !== undefined) {
    return raggedMessage({
      file,
      line: Number(line),
      text: original,
      columns: Number(columns),
      fields: Number(fields),
    });
  }
  const column = /converting column "(.*?)"\. /.exec(reason)?.[1];
  const advice = /unicode/i.test(reason)
    ? "; save the file as UTF-8"
    : column !== undefined
      ? `; give its type, as in { types: { ${JSON.stringify(column)}: "string" } }`
      : "";
  const where = `line ${line}${file === undefined ? "" : ` of ${JSON.stringify(file)}`}`;
  const shown = original === "" ? "" : ` (${JSON.stringify(original.slice(0, 80))})`;
  return `${where}${shown}: ${reason.trim().replace(/\.$/, "")}${advice}`;
}
