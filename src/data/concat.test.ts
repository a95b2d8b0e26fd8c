/** @file Data of every type put together again from its parts, nulls and slices included. */

import { expect, test } from "vitest";
import { concatData, takeOrNull } from "./concat.js";
import { type Row, rowsToBatch, valueAt } from "./rows.js";
import { Schema } from "./schema.js";

const schema = Schema.of({
  i: "int",
  l: "bigint",
  b: "boolean",
  s: "string",
  bytes: "binary",
  d: "decimal(10,2)",
  at: "timestamp",
  list: "array<string>",
  t: "float[2,2]",
  st: "struct<a:int,l:array<double>>",
  m: "map<string,int>",
  n: "null",
});
const rows: Row[] = Array.from({ length: 30 }, (_, i) =>
  i % 5 === 3
    ? {}
    : {
        i,
        l: BigInt(i) - 2n ** 60n,
        b: i % 2 === 0,
        s: `text ${i}`,
        bytes: Uint8Array.of(i, i),
        d: i + 0.25,
        at: new Date(i * 1000),
        list: i % 2 === 0 ? [] : ["a", null, `${i}`],
        t: Float32Array.of(i, 1, 2, 3),
        st: { a: i, l: Float64Array.of(i, 2) },
        m: { x: i },
      },
);
const batch = rowsToBatch(rows, schema);

test.each(schema.names)("column %s is the same after cutting and joining", (name) => {
  const data = batch.data.children[schema.names.indexOf(name)]!;
  const joined = concatData([data.slice(0, 11), data.slice(11, 0), data.slice(11, 8), data.slice(19, 11)]);
  const values = (of: typeof data) => Array.from({ length: of.length }, (_, row) => valueAt(of, row));
  expect(values(joined)).toEqual(values(data));
  const some = takeOrNull(data, Int32Array.of(4, -1, 29), data.slice(3, 1));
  expect(values(some)).toEqual([valueAt(data, 4), null, valueAt(data, 29)]);
});
