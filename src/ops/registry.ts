/** @file All operators that shape inference and gradients know: every record of these files. */

import * as arithmetic from "./arithmetic.js";
import * as conv from "./conv.js";
import * as matmul from "./matmul.js";
import type { OpRecord } from "./op.js";
import * as parts from "./parts.js";
import * as pool from "./pool.js";
import * as reduce from "./reduce.js";
import * as shape from "./shape.js";
import * as softmax from "./softmax.js";
import * as unary from "./unary.js";

const families: readonly Readonly<Record<string, unknown>>[] = [
  arithmetic,
  conv,
  matmul,
  parts,
  pool,
  reduce,
  shape,
  softmax,
  unary,
];

export const operators: readonly OpRecord[] = families.flatMap((family) => Object.values(family).filter(isRecord));

function isRecord(value: unknown): value is OpRecord {
  return typeof value === "object" && value !== null && "type" in value && "infer" in value;
}
