/** @file LIBSVM files as SQL: `label index:value …` per line, indices from 1, comments after `#`. */

import { DataError } from "../../errors.js";
import type { Database } from "./database.js";
import { quoteName, quoteText } from "./quote.js";

/**
 * A query for the labels and dense vectors; lines of another form are an error that shows the line.
 *
 * @param list the files, as a list in SQL
 * @throws DataError where the files tell of no feature and `numFeatures` is not given.
 */
export async function libsvmSql(list: string, numFeatures: number | undefined, database: Database): Promise<string> {
  const bare = "regexp_replace(line, '^\\s+|\\s*(#.*)?$', '', 'g')";
  const text = `SELECT ${bare} AS line FROM read_csv(${list}, columns = {'line': 'VARCHAR'}, delim = '\\x01', quote = '', escape = '', header = false, auto_detect = false, strict_mode = false)`;
  const lines = `SELECT line, regexp_split_to_array(line, '\\s+') AS parts FROM (${text}) WHERE line <> ''`;
  const side = (at: number, type: string) =>
    `list_transform(parts[2:], lambda part: TRY_CAST(split_part(part, ':', ${at}) AS ${type}))`;
  const read = `SELECT line, TRY_CAST(parts[1] AS DOUBLE) AS label, ${side(1, "INTEGER")} AS places, ${side(2, "DOUBLE")} AS held FROM (${lines})`;

  const size = numFeatures ?? Number((await database.value(`SELECT max(list_max(places)) FROM (${read})`)) ?? 0);
  if (size < 1) {
    throw new DataError("read.libsvm", "no line has features, as in 1 1:0.5 3:2; set numFeatures if that is right");
  }
  const isWhole = "label IS NOT NULL AND list_count(places) = len(places) AND list_count(held) = len(held)";
  const isPlaced = "coalesce(list_min(places), 1) >= 1 AND len(list_distinct(places)) = len(places)";
  const fail = (reason: string) =>
    `error(${quoteText('the LIBSVM line "')} || left(line, 80) || ${quoteText(`" ${reason}`)})`;
  const found = `CASE WHEN NOT (${isWhole} AND ${isPlaced}) THEN ${fail("must be a label and index:value pairs, with indices from 1, each once")} WHEN list_max(places) > ${size} THEN ${fail(`has an index beyond numFeatures, ${size}; make it larger`)} ELSE map(places, held) END`;
  const vector = `list_transform(range(1, ${size + 1}), lambda i: coalesce(found[CAST(i AS INTEGER)], 0.0))`;
  return `SELECT label AS ${quoteName("label")}, CAST(${vector} AS DOUBLE[${size}]) AS ${quoteName("features")} FROM (SELECT label, ${found} AS found FROM (${read}))`;
}
