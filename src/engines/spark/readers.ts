/** @file Files as relations: Spark's own readers, and SQL over them where our columns differ. */

import type { ReadPlan } from "../../data/plan.js";
import { internal } from "../../errors.js";
import { readCsv } from "./csv.js";
import { quoteName } from "./dialect.js";
import { type Ask, type Reading, source } from "./source.js";

/** What Spark reads for the plan. */
export async function readRelation(plan: ReadPlan, ask: Ask): Promise<Reading> {
  const { format, options } = plan;
  switch (format) {
    case "parquet":
      return { relation: source(plan, "parquet") };
    case "json":
      // a line that is no JSON would otherwise be a row of nulls, beside a column of Spark's own
      return { relation: source(plan, "json", { mode: "FAILFAST", multiLine: String(await isLongArray(plan, ask)) }) };
    case "csv":
      return await readCsv(plan, ask);
    case "libsvm":
      return await readLibsvm(plan, ask);
    case "binaryFiles": {
      const relation = source(plan, "binaryFile", { recursiveFileLookup: "true" });
      return { relation, sql: `SELECT ${bare} AS path, modificationTime, length, content FROM # ORDER BY path` };
    }
    case "images": {
      const relation = source(plan, "binaryFile", { recursiveFileLookup: "true" });
      const label = options.label as string | undefined;
      const folder = label === undefined ? "" : `, element_at(split(path, '/'), -2) AS ${quoteName(label)}`;
      return {
        relation,
        sql: `SELECT ${bare} AS path, content AS image${folder} FROM # WHERE ${isPicture} ORDER BY path`,
      };
    }
    default:
      throw internal(`${format} is not read by Spark`);
  }
}

// files of this machine come without their scheme, as elsewhere
const bare = "regexp_replace(path, '^file:/+', '/')";
const isPicture = "lower(path) RLIKE '[.](jpe?g|jfif|png|webp|bmp|dib|gif|tiff?|avif)$'";

/** Whether the first line begins an array that goes on in the next. */
async function isLongArray(plan: ReadPlan, ask: Ask): Promise<boolean> {
  const line = "SELECT value FROM # WHERE trim(value) <> '' LIMIT 1";
  const first = String((await ask.value({ relation: source(plan, "text"), sql: line })) ?? "");
  const text = first.replace(/^\ufeff/, "").trim();
  return text.startsWith("[") && !text.endsWith("]");
}

async function readLibsvm(plan: ReadPlan, ask: Ask): Promise<Reading> {
  const relation = source(plan, "text");
  const lines = `SELECT split(trim(regexp_replace(value, '#.*$', '')), '\\\\s+') AS parts FROM # WHERE trim(value) <> ''`;
  const entries = "slice(parts, 2, size(parts) - 1)";
  const { numFeatures } = plan.options as { numFeatures?: number };
  const indices = `transform(${entries}, part -> CAST(split_part(part, ':', 1) AS INT))`;
  const width =
    numFeatures ??
    Number((await ask.value({ relation, sql: `SELECT max(array_max(${indices})) FROM (${lines})` })) ?? 0);
  const found = `map_from_entries(transform(${entries}, part -> struct(CAST(split_part(part, ':', 1) AS INT), CAST(split_part(part, ':', 2) AS DOUBLE))))`;
  const vector =
    width === 0 ? "array()" : `transform(sequence(1, ${width}), i -> coalesce(try_element_at(found, i), 0D))`;
  return {
    relation,
    sql: `SELECT CAST(parts[0] AS DOUBLE) AS label, ${vector} AS features FROM (SELECT parts, ${found} AS found FROM (${lines}))`,
  };
}
