/** @file Rows added up at places that may repeat, as the gradients of lookups need it. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import type { DType } from "../tensor/dtype.js";
import { sizeOf } from "../tensor/shape.js";
import { areNumbers } from "./dims.js";
import { putBack } from "./places.js";

/**
 * ONNX Runtime's ScatterND shares its rows among threads from 210,000 elements on, and then loses sums where a place comes
 * twice (its issues 18048 and 23396). With fewer, one thread adds them all.
 */
const mostElements = 2 ** 17;

/**
 * Zeros like `x` to which `rows` are added at `places`; where a place comes several times, all its rows.
 *
 * @param places [..., depth], whole numbers along x's first dimensions, negative ones from the end
 * @param rows [..., the other dimensions of x]
 */
export function sumRows(g: GraphBuilder, x: Value, places: Value, rows: Value): Value {
  const at = places.dtype === "int64" ? places : g.cast(places, "int64");
  const depth = places.shape?.at(-1);
  const counts = places.shape?.slice(0, -1);
  if (typeof depth !== "number" || counts === undefined || !areNumbers(counts)) return oneByOne(g, x, at, rows);
  if (x.shape === undefined || !areNumbers(x.shape)) return oneByOne(g, x, at, rows);
  const [count, width] = [sizeOf(counts), sizeOf(x.shape.slice(depth))];
  if (count * width <= mostElements) return g.scatterND(g.zerosLike(x), at, rows, { reduction: "add" });
  if (count > mostElements) return oneByOne(g, x, at, rows);
  const sizes = x.shape.slice(0, depth);
  const given = { places: g.reshape(at, [count, depth]), rows: g.reshape(rows, [count, width]), count, width };
  const sums =
    depth === 1 && sizes[0]! > 2 * count ? sumsOfLongTable(g, sizes[0]!, given) : sumsByColumns(g, sizes, given);
  // where it is a graph's output, even a Reshape to the same shape copies
  return x.shape.length === depth + 1 ? sums : g.reshape(sums, x.shape);
}

interface Given {
  /** [count, depth] */
  readonly places: Value;
  /** [count, width] */
  readonly rows: Value;
  readonly count: number;
  readonly width: number;
}

/** [...sizes, width]: as many columns at a time as one thread adds. */
function sumsByColumns(g: GraphBuilder, sizes: readonly number[], { places, rows, count, width }: Given): Value {
  const parts = Math.ceil((count * width) / mostElements);
  const bounds = Array.from({ length: parts + 1 }, (_, i) => Math.round((i * width) / parts));
  const widths = bounds.slice(1).map((end, i) => end - bounds[i]!);
  const sums = g.split(rows, widths, { axis: 1 }).map((part, i) => {
    const zeros = g.fill(g.ints([...sizes, widths[i]!]), 0, rows.dtype as DType);
    return g.scatterND(zeros, places, part, { reduction: "add" });
  });
  return g.concat(sums[0]!, sums.slice(1), { axis: sizes.length });
}

/**
 * [size, width], for tables much longer than the batch: rows of the same place are added up among themselves, and then the
 * table is read from the sums, which threads share, where ScatterND copies a table of zeros with one.
 */
function sumsOfLongTable(g: GraphBuilder, size: number, given: Given): Value {
  const { places, count } = given;
  const numbers = g.reshape(places, [count]);
  // for each place one of the rows that go there, or `count`, a row of zeros
  const rowOf = g.scatterElements(g.fill(g.ints([size]), count, "int64"), numbers, g.range(0, count));
  const first = g.unsqueeze(g.gather(rowOf, numbers), [1]);
  return g.gather(sumsByColumns(g, [count + 1], { ...given, places: first }), rowOf);
}

/** By ScatterElements, which takes several times as long, but never shares. */
function oneByOne(g: GraphBuilder, x: Value, places: Value, rows: Value): Value {
  if (places.shape?.at(-1) !== 1) return putBack(g, x, rows, (from) => g.gatherND(from, places));
  const flat = g.flatten(rows, places.shape.length - 1);
  const numbers = g.expand(g.reshape(places, [-1, 1]), g.shapeOf(flat));
  const sums = g.scatterElements(g.zerosLike(g.flatten(x, 1)), numbers, flat, { axis: 0, reduction: "add" });
  return g.reshape(sums, g.shapeLike(x), { allowZero: true });
}
