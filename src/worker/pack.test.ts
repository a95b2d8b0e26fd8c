/** @file Batches through flat buffers: every type, nulls, slices; moved where they may be, copied where not. */

import { describe, expect, test } from "vitest";
import { toArrowSchema } from "../data/arrow-types.js";
import { batchToRows, type Row, rowsToBatch } from "../data/rows.js";
import { Schema } from "../data/schema.js";
import { packBatch, packedBytes, transferable, unpackBatch } from "./pack.js";

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

const rows: Row[] = Array.from({ length: 40 }, (_, i) =>
  i % 5 === 3
    ? Object.fromEntries(schema.names.map((name) => [name, null]))
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
        n: null,
      },
);

const batch = rowsToBatch(rows, schema);

describe("a packed batch", () => {
  test.each([true, false])("comes out as it went in (owned: %s)", (owned) => {
    const packed = structuredClone(packBatch(batch, owned));
    expect(batchToRows(unpackBatch(packed, toArrowSchema(schema)))).toEqual(rows);
    expect(packedBytes(packed)).toBeGreaterThan(1000);
  });

  test.each([
    [0, 7],
    [8, 16],
    [3, 30],
    [39, 40],
    [5, 5],
  ])("holds rows %i to %i of a larger one", (from, to) => {
    const packed = packBatch(batch.slice(from, to), false);
    expect(batchToRows(unpackBatch(packed, toArrowSchema(schema)))).toEqual(rows.slice(from, to));
    const again = packBatch(unpackBatch(packed, toArrowSchema(schema)), true);
    expect(batchToRows(unpackBatch(again, toArrowSchema(schema)))).toEqual(rows.slice(from, to));
  });

  test("moves without a copy, and copies what it must leave behind", () => {
    const own = rowsToBatch(rows, schema);
    const copied = packBatch(own, false);
    structuredClone(copied, { transfer: transferable(copied) });
    expect(batchToRows(own)).toEqual(rows);
    const moved = packBatch(own, true);
    const arrived = structuredClone(moved, { transfer: transferable(moved) });
    expect(batchToRows(unpackBatch(arrived, toArrowSchema(schema)))).toEqual(rows);
    expect(own.data.children[0]!.values.length).toBe(0);
  });
});
