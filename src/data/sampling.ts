/** @file Random parts of a DataFrame: chosen by a hash of seed and row, so that they never overlap and can be computed apart. */

import { ParamError } from "../errors.js";
import { describe } from "./expect.js";
import { input, joinSql, name, numbered, sql, value, without } from "./plan.js";
import type { Relation } from "./queries.js";

/** Digits of the hash that are compared: 52 bits, as many as a double holds. */
const digits = 13;

const rowColumn = "__deepframe_row";

/**
 * The rows whose hash lies from `low` to `high` (0 to 1).
 *
 * @param byPosition hash the row's position, where the order of rows is fixed; else its content
 */
export function part(op: string, low: number, high: number, seed: number, byPosition: boolean): Relation {
  if (!Number.isSafeInteger(seed)) throw new ParamError(op, `seed must be a whole number, got ${seed}`);
  return {
    query: ([schema]) => {
      const content = sql`hash(${joinSql(schema!.names.map((each) => name(each)))})`;
      // equal rows are told apart by their occurrence
      const occurrence = sql`row_number() OVER (PARTITION BY ${content} ORDER BY ${content})`;
      const counted = sql`(SELECT *, concat(CAST(${content} AS STRING), '#', CAST(${occurrence} AS STRING)) AS ${name(rowColumn)} FROM ${input(0)})`;
      const rows = byPosition ? numbered(0, rowColumn) : counted;
      const hash = sql`md5(concat(CAST(${name(rowColumn)} AS STRING), ${value(`:${seed}`)}))`;
      // hexadecimal digits sort as the numbers they stand for
      const from = low <= 0 ? sql`true` : sql`${hash} >= ${value(hexOf(low))}`;
      const to = high >= 1 ? sql`true` : sql`${hash} < ${value(hexOf(high))}`;
      return {
        sql: sql`SELECT ${without([rowColumn])} FROM ${rows} WHERE ${from} AND ${to}`,
        effect: byPosition ? { kind: "rows", counts: true } : undefined,
      };
    },
    schema: ([schema]) => schema!,
    stable: byPosition,
  };
}

/** Where each part begins and ends, for weights that need not add up to 1. */
export function boundsOf(weights: readonly number[]): [number, number][] {
  if (!Array.isArray(weights) || weights.some((weight) => typeof weight !== "number")) {
    throw new ParamError(
      "randomSplit",
      `weights must be a list of numbers, as in [0.8, 0.2], got ${describe(weights)}`,
    );
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (weights.length === 0 || weights.some((weight) => !(weight >= 0)) || !(total > 0) || !Number.isFinite(total)) {
    throw new ParamError(
      "randomSplit",
      `weights must be numbers of at least 0, not all 0; got [${weights.join(", ")}]`,
    );
  }
  let sum = 0;
  return weights.map((weight, i) => {
    const low = sum / total;
    sum += weight;
    return [low, i === weights.length - 1 ? 1 : sum / total];
  });
}

function hexOf(fraction: number): string {
  return BigInt(Math.round(fraction * 2 ** (4 * digits)))
    .toString(16)
    .padStart(digits, "0");
}
