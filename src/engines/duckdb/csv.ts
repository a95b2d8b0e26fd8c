/** @file CSV files as SQL. They are looked into once per reader: DuckDB would do so for every file of every query. */

import { stat } from "node:fs/promises";
import type { ReadPlan } from "../../data/plan.js";
import type { CsvOptions } from "../../data/reader.js";
import { type CsvShape, csvShape, type Settings, settingsText } from "./csv-shape.js";
import type { Database } from "./database.js";
import { quoteName, quoteText, quoteTexts } from "./quote.js";

/** What was found in files, as long as they stay as they were. */
const known = new WeakMap<ReadPlan, { readonly state: string; readonly shape: Promise<CsvShape> }>();

/** A query for the rows of CSV files. */
export async function csvSql(plan: ReadPlan, files: readonly string[], database: Database): Promise<string> {
  const options = plan.options as CsvOptions;
  const mode = options.mode ?? "FAILFAST";
  const state = await stateOf(files);
  let found = known.get(plan);
  if (found?.state !== state) {
    found = { state, shape: csvShape(files, options, database) };
    found.shape.catch(() => known.delete(plan));
    known.set(plan, found);
  }
  const shape = await found.shape;
  const parts = shape.groups.map(({ files, columns, skip }) => {
    const settings = settingsText({ auto_detect: false, ...shape.dialect, skip, ...formatsOf(shape), ...modes[mode] });
    const reader = `read_csv(${[quoteTexts(files), ...settings, columnsText(shape, columns, mode)].join(", ")})`;
    // every column is read, so that rows are left out whatever is asked for; the condition always holds, which DuckDB does not know
    const all = mode === "DROPMALFORMED" ? ` WHERE hash(${columns.map(quoteName).join(", ")}) >= 0` : "";
    return `SELECT ${selected(shape, columns, mode)} FROM ${reader}${all}`;
  });
  return parts.join(" UNION ALL BY NAME ");
}

type Mode = NonNullable<CsvOptions["mode"]>;

/** What the modes are to DuckDB. */
const modes: Partial<Record<Mode, Settings>> = {
  DROPMALFORMED: { ignore_errors: true },
  // where texts go over lines, only one thread can fill rows up
  PERMISSIVE: { null_padding: true, strict_mode: false, parallel: false },
};

async function stateOf(files: readonly string[]): Promise<string> {
  const states = await Promise.all(files.map((file) => stat(file, { bigint: true })));
  return files.map((file, i) => `${file} ${states[i]!.size} ${states[i]!.mtimeNs}`).join("\n");
}

function columnsText({ types }: CsvShape, columns: readonly string[], mode: Mode): string {
  const typeOf = (name: string) => (mode === "PERMISSIVE" ? "VARCHAR" : types.get(name)!);
  return `columns = {${columns.map((name) => `${quoteText(name)}: ${quoteText(typeOf(name))}`).join(", ")}}`;
}

/** The columns with their types, which PERMISSIVE makes from texts: what does not fit is null. */
function selected({ types, dateFormat, timestampFormat }: CsvShape, columns: readonly string[], mode: Mode): string {
  if (mode !== "PERMISSIVE") return columns.map(quoteName).join(", ");
  const formats = new Map([
    ["DATE", dateFormat],
    ["TIMESTAMP", timestampFormat],
  ]);
  const cast = (name: string): string => {
    const type = types.get(name)!;
    const format = formats.get(type);
    const text = format === undefined ? quoteName(name) : `try_strptime(${quoteName(name)}, ${quoteText(format)})`;
    return `TRY_CAST(${text} AS ${type}) AS ${quoteName(name)}`;
  };
  return columns.map(cast).join(", ");
}

function formatsOf({ dateFormat, timestampFormat }: CsvShape): Settings {
  return { dateformat: dateFormat, timestampformat: timestampFormat };
}
