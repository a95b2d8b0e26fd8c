/** @file Operators that repeat, pad, reverse or rearrange elements. */

import { ShapeError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { addDims, axisOf, type Dims, divDims, mulDims } from "./dims.js";
import { defineOp, int } from "./op.js";
import { putBack } from "./places.js";
import { like } from "./unary.js";

export const pad = defineOp({
  type: "Pad",
  inputs: ["x", "pads", "value?", "axes?"],
  attrs: { mode: "constant" },
  infer({ x, pads, axes }) {
    if (x.shape === undefined) return like(x);
    const along = axes === undefined ? [...x.shape.keys()] : axes.elements;
    if (along === undefined || pads.elements === undefined)
      return { dtype: x.dtype, shape: x.shape.map((): Dim => "?") };
    const dims = [...x.shape];
    along.forEach((axis, i) => {
      const at = axisOf(Number(axis), dims.length, "Pad");
      dims[at] = addDims(dims[at]!, addDims(pads.elements![i]!, pads.elements![i + along.length]!));
    });
    return { dtype: x.dtype, shape: dims };
  },
  grad(g, { x, pads, value, axes, dy, attrs: { mode }, wants }) {
    const around = (t: Value, by: Value) => g.op("Pad", [t, by, undefined, axes], { mode: "constant" });
    if (mode !== "constant") {
      // an element counts wherever it was repeated
      const read = (places: Value) => g.op("Pad", [places, pads, undefined, axes], { mode });
      return { x: putBack(g, x, dy, read), pads: null, value: null, axes: null };
    }
    const inner = () => g.equal(around(g.onesLike(x), pads), 1);
    return {
      // what was put around is cut off
      x: around(dy, pads.elements === undefined ? g.neg(pads) : g.ints(pads.elements.map((n) => -Number(n)))),
      pads: null,
      value:
        value !== undefined && wants("value")
          ? g.reshape(g.reduceSum(g.where(inner(), 0, dy)), g.shapeLike(value))
          : null,
      axes: null,
    };
  },
});

export const tile = defineOp({
  type: "Tile",
  inputs: ["x", "repeats"],
  infer({ x, repeats }) {
    return { dtype: x.dtype, shape: x.shape?.map((dim, i) => mulDims(dim, repeats.elements?.[i] ?? "?")) };
  },
  // dy as [repeats0, size0, repeats1, size1, ...], summed over the repeats
  grad(g, { x, repeats, dy }) {
    if (x.rank === undefined) throw new ShapeError("Tile", "its gradient needs the number of dimensions");
    const column = (t: Value) => g.unsqueeze(t, [1]);
    const sizes = g.reshape(g.concat(column(repeats), [column(g.shapeLike(x))], { axis: 1 }), [-1]);
    const axes = Array.from({ length: x.rank }, (_, i) => 2 * i);
    return { x: g.reduceSum(g.reshape(dy, sizes, { allowZero: true }), { axes }), repeats: null };
  },
});

/** Sizes of [batch, channels, height, width] after blocks went from channels to space, or back. */
function blocked(shape: Dims | undefined, channels: (c: Dim) => Dim, side: (s: Dim) => Dim): Dims | undefined {
  if (shape === undefined) return undefined;
  const [n, c, h, w] = shape as [Dim, Dim, Dim, Dim];
  return [n, channels(c), side(h), side(w)];
}

export const depthToSpace = defineOp({
  type: "DepthToSpace",
  inputs: ["x"],
  attrs: { blocksize: 1, mode: "DCR" },
  infer({ x }, { blocksize: b }) {
    return {
      dtype: x.dtype,
      shape: blocked(
        x.shape,
        (c) => divDims(c, b * b),
        (s) => mulDims(s, b),
      ),
    };
  },
  grad(g, { x, y, dy, attrs: { blocksize: b, mode } }) {
    const back = g.op("SpaceToDepth", [dy], { blocksize: b });
    return { x: mode === "DCR" ? back : swapChannelParts(g, back, x, y, b) };
  },
});

/** Channels as [block, depth] become [depth, block]. */
function swapChannelParts(g: GraphBuilder, back: Value, x: Value, y: Value, b: number): Value {
  const at = (t: Value, i: number) => g.shapeOf(t, { start: i, end: i + 1 });
  const parts = g.concat(at(x, 0), [g.ints([b * b]), at(y, 1), g.shapeOf(x, { start: 2, end: 4 })], { axis: 0 });
  const split = g.reshape(back, parts, { allowZero: true });
  return g.reshape(g.transpose(split, [0, 2, 1, 3, 4]), g.shapeLike(x), { allowZero: true });
}

export const spaceToDepth = defineOp({
  type: "SpaceToDepth",
  inputs: ["x"],
  attrs: { blocksize: 1 },
  infer({ x }, { blocksize: b }) {
    return {
      dtype: x.dtype,
      shape: blocked(
        x.shape,
        (c) => mulDims(c, b * b),
        (s) => divDims(s, b),
      ),
    };
  },
  grad: (g, { dy, attrs: { blocksize } }) => ({ x: g.op("DepthToSpace", [dy], { blocksize, mode: "DCR" }) }),
});

export const reverseSequence = defineOp({
  type: "ReverseSequence",
  inputs: ["x", "lengths"],
  attrs: { batch_axis: 1, time_axis: 0 },
  infer: ({ x }) => like(x),
  grad: (g, { lengths, dy, attrs }) => ({ x: g.op("ReverseSequence", [dy, lengths], attrs), lengths: null }),
});

export const trilu = defineOp({
  type: "Trilu",
  inputs: ["x", "k?"],
  attrs: { upper: 1 },
  infer: ({ x }) => like(x),
  grad: (g, { k, dy, attrs }) => ({ x: g.op("Trilu", [dy, k], attrs), k: null }),
});

export const compress = defineOp({
  type: "Compress",
  inputs: ["x", "condition"],
  attrs: { axis: int() },
  infer({ x }, { axis }) {
    if (axis === undefined) return { dtype: x.dtype, shape: ["?"] };
    return { dtype: x.dtype, shape: x.shape?.with(axisOf(axis, x.shape.length, "Compress"), "?") };
  },
  grad: (g, { x, condition, dy, attrs }) => ({
    x: putBack(g, x, dy, (places) => g.op("Compress", [places, condition], attrs)),
    condition: null,
  }),
});
