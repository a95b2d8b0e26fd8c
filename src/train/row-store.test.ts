import { describe, expect, test } from "vitest";
import { sharedMove } from "../tensor/shared-copy.js";
import { Turns } from "../util/turns.js";
import type { Field } from "./problem.js";
import { RowStore } from "./row-store.js";

const x: Field = { name: "x", dtype: "float32", shape: [1000] };
const y: Field = { name: "y", dtype: "int32", shape: [] };

/** `count` rows, of which row i holds i and is labelled with i % labels. */
async function numbered(count: number, budget: number, labels = 2): Promise<RowStore> {
  const store = new RowStore([x, y], { budget, who: "test" });
  const columns = {
    x: Float32Array.from({ length: 1000 * count }, (_, i) => Math.floor(i / 1000)),
    y: Int32Array.from({ length: count }, (_, i) => i % labels),
  };
  await store.add({ count, columns });
  return store;
}

const firsts = (column: ArrayLike<number | bigint>) =>
  Array.from({ length: column.length / 1000 }, (_, i) => column[1000 * i]);

describe("a RowStore", () => {
  test("gives rows of any segments in any order, from memory and from a file alike", async () => {
    for (const budget of [2 ** 22, 1_200_000, 1]) {
      const store = await numbered(400, budget);
      expect([store.segments, store.isResident]).toEqual([[130, 130, 130, 10], budget === 2 ** 22]);
      const { count, columns } = await store.read([
        { segment: 3, from: 8, to: 10 },
        { segment: 0, from: 5, to: 7 },
      ]);
      expect(count).toBe(4);
      expect(firsts(columns.x!)).toEqual([398, 399, 5, 6]);
      expect([...columns.y!]).toEqual([0, 1, 1, 0]);
      await store.close();
    }
  });

  test("gives all rows for good, in buffers that can be moved as they are", async () => {
    const store = await numbered(400, 2 ** 22);
    const { fingerprint } = { fingerprint: store.fingerprint() };
    const { count, columns } = store.take();
    expect([count, columns.x!.length, columns.x!.byteOffset]).toEqual([400, 400_000, 0]);
    expect(columns.x!.buffer.byteLength).toBe(1_600_000);
    expect(firsts(columns.x!)).toEqual(Array.from({ length: 400 }, (_, i) => i));
    expect(() => store.take()).toThrow("internal: rows are taken that are not there");
    await expect(store.read([{ segment: 0, from: 0, to: 1 }])).rejects.toThrow(
      "internal: rows are read that were taken",
    );
    expect([store.rows, store.fingerprint()]).toEqual([400, fingerprint]);

    const shared = await sharedMove(columns.x as Float32Array, new Turns());
    expect(shared.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(firsts(shared)).toEqual(Array.from({ length: 400 }, (_, i) => i));
    expect(columns.x!.length).toBe(0);
    await store.close();
  });

  test("knows the number that a field has in all rows", async () => {
    const same = await numbered(400, 2 ** 22, 1);
    expect([same.onlyValue("y"), same.onlyValue("x")]).toEqual([0, undefined]);
    await same.add({ count: 1, columns: { x: new Float32Array(1000), y: Int32Array.of(3) } });
    expect(same.onlyValue("y")).toBeUndefined();
    expect(new RowStore([x, y], { budget: 1, who: "test" }).onlyValue("y")).toBeUndefined();
    await same.close();
  });
});
