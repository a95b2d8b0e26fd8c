/** @file Operators that cut tensors into parts or put them together: Concat, Split, Slice, Gather. */

import { ShapeError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { formatShape } from "../tensor/shape.js";
import { addDims, axisOf, type Dims, sameDim, subDims } from "./dims.js";
import { defineOp, int } from "./op.js";
import { putBack } from "./places.js";
import { sumRows } from "./row-sums.js";

export const concat = defineOp({
  type: "Concat",
  inputs: ["...xs"],
  attrs: { axis: 0 },
  infer({ xs }, { axis }) {
    const dtype = xs.find((x) => x.dtype !== undefined)?.dtype;
    const first = xs.find((x) => x.shape !== undefined)?.shape;
    if (first === undefined) return { dtype, shape: undefined };
    const at = axisOf(axis, first.length, "Concat");
    const dims = first.map((dim, i): Dim => {
      if (i === at) return xs.reduce<Dim>((sum, x) => addDims(sum, x.shape?.[at] ?? "?"), 0);
      for (const { shape } of xs) {
        const other = shape?.[i];
        if (
          shape !== undefined &&
          (shape.length !== first.length || (typeof other === "number" && typeof dim === "number" && other !== dim))
        ) {
          throw new ShapeError(
            "Concat",
            `shapes ${xs.map((x) => formatShape(x.shape ?? [])).join(" and ")} differ outside axis ${axis}`,
          );
        }
      }
      return xs.map(({ shape }) => shape?.[i]).find((size) => typeof size === "number") ?? dim;
    });
    const elements = xs.every((x) => x.elements !== undefined) ? xs.flatMap((x) => x.elements!) : undefined;
    return { dtype, shape: dims, elements };
  },
  grad(g, { xs, dy, attrs: { axis } }) {
    return { xs: splitLike(g, dy, xs, axis) };
  },
});

/** `dy` cut along `axis` into parts as long as each of `xs`. */
function splitLike(g: GraphBuilder, dy: Value, xs: readonly Value[], axis: number): readonly Value[] {
  if (xs.length === 1) return [dy];
  const rank = xs.find((x) => x.rank !== undefined)?.rank;
  const sizes = xs.map((x) => (rank === undefined ? "?" : (x.shape?.[axisOf(axis, rank, "Concat")] ?? "?")));
  if (sizes.every((size) => typeof size === "number")) return g.split(dy, sizes, { axis });
  const at = axis < 0 ? { start: axis, ...(axis === -1 ? {} : { end: axis + 1 }) } : { start: axis, end: axis + 1 };
  const [first, ...rest] = xs.map((x) => g.shapeOf(x, at));
  return g.ops("Split", [dy, g.concat(first!, rest, { axis: 0 })], { axis }, { outputs: xs.length });
}

export const split = defineOp({
  type: "Split",
  inputs: ["x", "split?"],
  outputs: ["...ys"],
  attrs: { axis: 0, num_outputs: int() },
  infer({ x, split: sizes }, { axis }, { node }) {
    const count = node.outputs.length;
    if (x.shape === undefined) return node.outputs.map((): Known => ({ dtype: x.dtype, shape: undefined }));
    const at = axisOf(axis, x.shape.length, "Split");
    const whole = x.shape[at]!;
    const chunk = typeof whole === "number" ? Math.ceil(whole / count) : "?";
    return node.outputs.map((_, i): Known => {
      const last = typeof whole === "number" && i === count - 1 ? whole - (count - 1) * Number(chunk) : chunk;
      const part = sizes === undefined ? last : (sizes.elements?.[i] ?? "?");
      return { dtype: x.dtype, shape: x.shape!.with(at, part), elements: undefined };
    });
  },
  grad(g, { ys, dys, attrs: { axis } }) {
    const [first, ...rest] = ys.map((y, i) => dys[i] ?? g.zerosLike(y));
    return { x: g.concat(first!, rest, { axis }), split: null };
  },
});

export const slice = defineOp({
  type: "Slice",
  inputs: ["x", "starts", "ends", "axes?", "steps?"],
  infer({ x, starts, ends, axes, steps }) {
    if (x.shape === undefined) return { dtype: x.dtype, shape: undefined };
    const dims: Dim[] = [...x.shape];
    const count = starts.shape?.[0];
    const along =
      axes === undefined
        ? dims.slice(0, typeof count === "number" ? count : dims.length).map((_, i) => i)
        : axes.elements;
    if (along === undefined) return { dtype: x.dtype, shape: dims.map((): Dim => "?") };
    let elements = x.elements;
    along.forEach((axis, i) => {
      const at = axisOf(Number(axis), dims.length, "Slice");
      const step = steps === undefined ? 1 : steps.elements?.[i];
      const [start, end] = [starts.elements?.[i], ends.elements?.[i]];
      elements =
        elements !== undefined && typeof start === "number" && typeof end === "number" && typeof step === "number"
          ? sliceOf(elements, start, end, step)
          : undefined;
      dims[at] = sliceSize(dims[at]!, start, end, step);
    });
    return { dtype: x.dtype, shape: dims, elements };
  },
  grad: (g, { x, starts, ends, axes, steps, dy }) => ({
    x: sliceBack(g, x, dy, starts, ends, axes, steps),
    starts: null,
    ends: null,
    axes: null,
    steps: null,
  }),
});

/** Zeros around `dy` where its place in `x` is known; else `dy` written into zeros at the places it was read from. */
function sliceBack(
  g: GraphBuilder,
  x: Value,
  dy: Value,
  starts: Value,
  ends: Value,
  axes: Value | undefined,
  steps: Value | undefined,
): Value {
  const placed = padsAround(x, starts, ends, axes, steps);
  if (placed !== undefined) return g.pad(dy, placed);
  return putBack(g, x, dy, (places) => g.op("Slice", [places, starts, ends, axes, steps]));
}

function padsAround(
  x: Value,
  starts: Value,
  ends: Value,
  axes: Value | undefined,
  steps: Value | undefined,
): number[] | undefined {
  const { shape } = x;
  const [from, to] = [starts.elements, ends.elements];
  const along = axes === undefined ? from?.map((_, i) => i) : axes.elements;
  if (shape === undefined || from === undefined || to === undefined || along === undefined) return undefined;
  if (steps !== undefined && !steps.elements?.every((step) => step === 1)) return undefined;
  const pads = new Array<number>(2 * shape.length).fill(0);
  for (const [i, axis] of along.entries()) {
    const at = axisOf(Number(axis), shape.length, "Slice");
    const [size, start, end] = [shape[at], from[i], to[i]];
    if (typeof size !== "number" || typeof start !== "number" || typeof end !== "number") return undefined;
    const [first, last] = bounds(size, start, end, 1);
    pads[at] = Math.min(first, size);
    pads[at + shape.length] = size - Math.max(first, last);
  }
  return pads;
}

function bounds(size: number, start: number, end: number, step: number): [number, number] {
  const low = step > 0 ? 0 : -1;
  const clamp = (value: number, most: number) => Math.min(Math.max(value < 0 ? value + size : value, low), most);
  return step > 0
    ? [clamp(start, size), clamp(end, size)]
    : [clamp(start, size - 1), end < -size ? -1 : clamp(end, size - 1)];
}

function sliceOf(elements: Dims, start: number, end: number, step: number): Dims {
  const [first, last] = bounds(elements.length, start, end, step);
  const picked: Dim[] = [];
  for (let i = first; step > 0 ? i < last : i > last; i += step) picked.push(elements[i]!);
  return picked;
}

function sliceSize(size: Dim, start: Dim | undefined, end: Dim | undefined, step: Dim | undefined): Dim {
  if (typeof step !== "number" || step === 0) return "?";
  if (typeof size === "number" && typeof start === "number" && typeof end === "number") {
    const [first, last] = bounds(size, start, end, step);
    return Math.max(0, Math.ceil((last - first) / step));
  }
  if (step !== 1) return "?";
  if (start === 0 && (sameDim(end, size) || (typeof end === "number" && end >= 2 ** 31 - 1))) return size;
  if (start === 0 && typeof end === "string") return end;
  // a positive start leaves a known rest only where the size is surely larger
  return typeof size === "string" && start === 0 && typeof end === "number" && end < 0 ? subDims(size, -end) : "?";
}

export const gather = defineOp({
  type: "Gather",
  inputs: ["x", "indices"],
  attrs: { axis: 0 },
  infer({ x, indices }, { axis }) {
    if (x.shape === undefined || indices.shape === undefined) return { dtype: x.dtype, shape: undefined };
    const at = axisOf(axis, x.shape.length, "Gather");
    const picked = indices.elements?.map((i) => (typeof i === "number" ? x.elements?.at(i) : undefined));
    const elements = picked?.every((dim) => dim !== undefined) ? picked : undefined;
    return { dtype: x.dtype, shape: [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)], elements };
  },
  // rows that were read several times get the sum
  grad(g, { x, indices, dy, attrs: { axis } }) {
    if (x.rank === undefined || indices.rank === undefined) {
      throw new ShapeError("Gather", "its gradient needs the number of dimensions of both inputs");
    }
    const at = axisOf(axis, x.rank, "Gather");
    const order = [...Array(x.rank).keys()];
    const front = [at, ...order.filter((i) => i !== at)];
    // the gathered dimensions of dy come first, then the others
    const dyOrder = [...Array(dy.rank ?? x.rank - 1 + indices.rank).keys()];
    const moved = dyOrder.slice(at, at + indices.rank);
    const dyFront = [...moved, ...dyOrder.filter((i) => !moved.includes(i))];
    const isFront = at === 0;
    const rows = isFront ? dy : g.transpose(dy, dyFront);
    const summed = sumRows(g, isFront ? x : g.transpose(x, front), g.unsqueeze(indices, [-1]), rows);
    return {
      x: isFront
        ? summed
        : g.transpose(
            summed,
            order.map((i) => front.indexOf(i)),
          ),
      indices: null,
    };
  },
});
