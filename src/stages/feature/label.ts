/** @file Values of a column as labels: numbers are written as Spark's cast to string writes them. */

import * as arrow from "apache-arrow";
import { stringsOf } from "../../data/read-columns.js";
import { valueAt } from "../../data/rows.js";

/** The label of each row; null for null and NaN. */
export function labelsOf(data: arrow.Data): (string | null)[] {
  if (arrow.DataType.isUtf8(data.type) || arrow.DataType.isNull(data.type)) return stringsOf(data);
  return Array.from({ length: data.length }, (_, row) => labelOf(valueAt(data, row), data.type));
}

/** A value of a string or number column as a label. 0 and -0 are one label. */
export function labelOf(value: unknown, type: arrow.DataType): string | null {
  if (value === null || typeof value === "string") return value;
  const number = value as number | bigint;
  if (typeof number === "bigint" || arrow.DataType.isInt(type)) return String(number);
  if (arrow.DataType.isDecimal(type)) return number.toFixed(type.scale);
  if (Number.isNaN(number)) return null;
  const isSingle = arrow.DataType.isFloat(type) && type.precision === arrow.Precision.SINGLE;
  return formatFloating(number, isSingle ? shortestSingle(number) : Number(number).toExponential());
}

/** As Java writes floating point numbers: `1.0`, `1.0E7`, `1.5E-5`. @param scientific the shortest digits, as in `1.5e-5` */
function formatFloating(value: number, scientific: string): string {
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) {
    const [digits, exponent] = scientific.split("e") as [string, string];
    return `${digits.includes(".") ? digits : `${digits}.0`}E${Number(exponent)}`;
  }
  const plain = String(Number(scientific));
  return plain.includes(".") ? plain : `${plain}.0`;
}

/** The fewest digits that tell a float32 from its neighbours. */
function shortestSingle(value: number): string {
  for (let digits = 0; digits < 9; digits++) {
    const text = value.toExponential(digits);
    if (Math.fround(Number(text)) === value) return text;
  }
  return value.toExponential();
}
