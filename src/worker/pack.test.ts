/** @file Batches through flat buffers: every type, nulls, slices; moved where they may be, copied where not. */

import { describe, expect, test } from "vitest";
import { rowsOfEveryType, everyType as schema } from "../../test/fixtures/every-type.js";
import { toArrowSchema } from "../data/arrow-types.js";
import { batchToRows, rowsToBatch } from "../data/rows.js";
import { packBatch, packedBytes, transferable, unpackBatch } from "./pack.js";

const rows = rowsOfEveryType(40);
const batch = rowsToBatch(rows, schema);

describe("a packed batch", () => {
  test.each(["given", "copied", "lent"] as const)("comes out as it went in (%s)", (how) => {
    const packed = structuredClone(packBatch(batch, how));
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
    const packed = packBatch(batch.slice(from, to), "copied");
    expect(batchToRows(unpackBatch(packed, toArrowSchema(schema)))).toEqual(rows.slice(from, to));
    const again = packBatch(unpackBatch(packed, toArrowSchema(schema)), "given");
    expect(batchToRows(unpackBatch(again, toArrowSchema(schema)))).toEqual(rows.slice(from, to));
    const lent = packBatch(batch.slice(from, to), "lent");
    expect(batchToRows(unpackBatch(lent, toArrowSchema(schema)))).toEqual(rows.slice(from, to));
  });

  test("moves without a copy, and copies what it must leave behind", () => {
    const own = rowsToBatch(rows, schema);
    const copied = packBatch(own, "copied");
    structuredClone(copied, { transfer: transferable(copied) });
    expect(batchToRows(own)).toEqual(rows);
    const moved = packBatch(own, "given");
    const arrived = structuredClone(moved, { transfer: transferable(moved) });
    expect(batchToRows(unpackBatch(arrived, toArrowSchema(schema)))).toEqual(rows);
    expect(own.data.children[0]!.values.length).toBe(0);
  });
});
