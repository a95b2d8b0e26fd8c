/** @file Times as columns store them, and as JavaScript has them. */

import * as arrow from "apache-arrow";
import { DataError } from "../errors.js";

/** Days that stand for a date without end, as in `'infinity'::DATE`; negative for one without beginning. */
export const endlessDays = 2 ** 31 - 1;
/** The same in microseconds, for timestamps. */
export const endlessMicros = 2n ** 63n - 1n;

/** Infinity and -Infinity as a column stores them. */
export function endless<T extends number | bigint>(value: unknown, greatest: T): T | undefined {
  if (value === Number.POSITIVE_INFINITY) return greatest;
  return value === Number.NEGATIVE_INFINITY ? (-greatest as T) : undefined;
}

export function isTime(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime());
}

/**
 * A date or timestamp: a Date, to the millisecond before it; Infinity and -Infinity as in node-postgres where it has no end or no
 * beginning.
 *
 * @throws DataError for a time that a Date cannot hold.
 */
export function timeAt(data: arrow.Data, row: number): Date | number {
  const stored: number | bigint = data.values[row];
  if (stored === endlessDays || stored === endlessMicros) return Number.POSITIVE_INFINITY;
  if (stored === -endlessDays || stored === -endlessMicros) return Number.NEGATIVE_INFINITY;
  const time = arrow.DataType.isTimestamp(data.type)
    ? floorDivide(BigInt(stored) * nanosPer[data.type.unit], 1_000_000n)
    : new arrow.Vector([data]).get(row);
  const date = new Date(Number(time));
  if (isTime(date)) return date;
  const what = arrow.DataType.isTimestamp(data.type) ? "timestamp" : "date";
  throw new DataError(
    "collect",
    `a ${what} lies beyond what a Date can hold (the years -271821 to 275760); cast its column to STRING first`,
  );
}

/** A timestamp or time of day in microseconds; undefined where it has a fraction of one. */
export function microsAt(data: arrow.Data<arrow.Timestamp | arrow.Time>, row: number): bigint | undefined {
  const nanos = BigInt(data.values[row]!) * nanosPer[data.type.unit];
  return nanos % 1000n === 0n ? nanos / 1000n : undefined;
}

const nanosPer: Readonly<Record<arrow.TimeUnit, bigint>> = {
  [arrow.TimeUnit.SECOND]: 1_000_000_000n,
  [arrow.TimeUnit.MILLISECOND]: 1_000_000n,
  [arrow.TimeUnit.MICROSECOND]: 1000n,
  [arrow.TimeUnit.NANOSECOND]: 1n,
};

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}
