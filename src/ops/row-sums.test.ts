/** @file Gradients of lookups add up every row of a place, on several threads too, whatever the sizes. */

import { expect, test } from "vitest";
import { openOnnx, randomTensor } from "../../test/run-onnx.js";
import { gradient } from "../autodiff/gradient.js";
import type { Value } from "../graph/value.js";
import { Tensor } from "../tensor/tensor.js";
import { trace } from "./trace.js";

/** Whole numbers below `limit`, every second one from the end, most of them many times. */
function places(shape: readonly number[], limit: number): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  const draw = (i: number) => (i * i * 31 + i) % Math.min(limit, 50);
  const data = BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 2 === 0 ? draw(i) : draw(i) - limit));
  return new Tensor("int64", data, shape);
}

/** Sums of the rows of dy, [rows, width], at the places of a table of `size` rows. */
function expected(at: readonly number[], dy: ArrayLike<number>, size: number, width: number): Float64Array {
  const sums = new Float64Array(size * width);
  at.forEach((place, row) => {
    const to = (place < 0 ? place + size : place) * width;
    for (let i = 0; i < width; i++) sums[to + i]! += dy[row * width + i]!;
  });
  return sums;
}

interface Case {
  readonly name: string;
  readonly table: readonly number[];
  readonly at: readonly number[];
  readonly read?: (table: Value, at: Value) => Value;
  /** Whether the number of places is not known when the gradient is made. */
  readonly named?: boolean;
}

const tuples = (table: Value, at: Value) => table.gatherND(at.unsqueeze([-1]));

const cases: readonly Case[] = [
  { name: "few elements", table: [100, 16], at: [8, 80] },
  { name: "a short table", table: [100, 128], at: [32, 64] },
  { name: "a long table", table: [10_000, 128], at: [32, 64] },
  { name: "a width that parts do not divide", table: [5_000, 7, 19], at: [2_048] },
  { name: "more places than one thread takes", table: [60, 3], at: [150_000] },
  { name: "a number of places with a name", table: [100, 128], at: [32, 64], named: true },
  { name: "GatherND", table: [100, 128], at: [2_048], read: tuples },
  { name: "GatherND, a number of places with a name", table: [100, 128], at: [2_048], read: tuples, named: true },
];

test.each(cases)("$name: every row is added, whichever thread does it", async ({ table, at, read, named }) => {
  const gather = read ?? ((x, i) => x.gather(i));
  const width = table.slice(1).reduce((a, b) => a * b, 1);
  const graph = trace(({ table, at, dy }) => ({ loss: gather(table!, at!).mul(dy!).reduceSum() }), {
    table,
    at: { shape: named ? at.map((_, i) => `n${i}`) : at, dtype: "int64" },
    dy: [...(named ? at.map((_, i) => `n${i}`) : at), ...table.slice(1)],
  });
  const dy = randomTensor([...at, ...table.slice(1)]);
  const numbers = places(at, table[0]!);
  const wanted = expected(numbers.toNumbers(), dy.toNumbers(), table[0]!, width);
  const run = await openOnnx(gradient(graph, { of: "loss", wrt: ["table"] }), { intraOpNumThreads: 4 });
  for (let i = 0; i < 20; i++) {
    const { "grad/table": grad } = await run({ table: randomTensor(table), at: numbers, dy }, ["grad/table"]);
    expect(grad!.shape).toEqual(table);
    const far = grad!.toNumbers().reduce((most, sum, i) => Math.max(most, Math.abs(sum - wanted[i]!)), 0);
    expect(far).toBeLessThan(0.01);
  }
  await run.release();
});

test("the largest of many rows of a place has its gradient on several threads too", async () => {
  const [table, at] = [
    [100, 128],
    [4_000, 1],
  ] as const;
  const graph = trace(
    ({ table, at, rows }, g) => ({ loss: g.scatterND(table, at, rows, { reduction: "max" }).reduceSum() }),
    { table, at: { shape: at, dtype: "int64" }, rows: [4_000, 128] },
  );
  const made = gradient(graph, { of: "loss", wrt: ["table", "rows"] });
  const mixed = new Tensor(
    "int64",
    BigInt64Array.from({ length: 4_000 }, (_, i) => BigInt((Math.imul(i, 2654435761) >>> 0) % 100)),
    at,
  );
  const feeds = { table: randomTensor(table), at: mixed, rows: randomTensor([4_000, 128], 2) };
  const run = await openOnnx(made, { intraOpNumThreads: 4 });
  for (let i = 0; i < 40; i++) {
    const grads = await run(feeds, ["grad/table", "grad/rows"]);
    for (const grad of Object.values(grads)) expect(grad.toNumbers().every(Number.isFinite)).toBe(true);
  }
  await run.release();
});
