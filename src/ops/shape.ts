/** @file Operators that give the same elements another shape, or tell and make shapes. */

import { ShapeError } from "../errors.js";
import { elementTypeOf } from "../graph/element-type.js";
import { knownConstant } from "../graph/known.js";
import { int64s } from "../graph/names.js";
import { StoredTensor } from "../graph/stored-tensor.js";
import type { Dim } from "../graph/types.js";
import type { DType } from "../tensor/dtype.js";
import { isFloat } from "../tensor/dtype.js";
import { formatShape } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { axisOf, broadcastDims, type Dims, divDims, mulDims } from "./dims.js";
import { defineOp, float, floats, int, ints, tensor } from "./op.js";
import { turnedProduct } from "./product.js";
import { sumTo } from "./unbroadcast.js";

export const shape = defineOp({
  type: "Shape",
  inputs: ["x"],
  attrs: { start: 0, end: int() },
  infer({ x }, { start, end }) {
    const elements = x.shape?.slice(start, end);
    return { dtype: "int64", shape: [elements?.length ?? "?"], elements };
  },
  grad: null,
});

export const size = defineOp({
  type: "Size",
  inputs: ["x"],
  infer: ({ x }) => ({
    dtype: "int64",
    shape: [],
    elements: x.shape === undefined ? undefined : [mulDims(...x.shape)],
  }),
  grad: null,
});

export const reshape = defineOp({
  type: "Reshape",
  inputs: ["x", "shape"],
  attrs: { allowzero: 0 },
  infer({ x, shape: target }, { allowzero }) {
    if (target.elements !== undefined)
      return { dtype: x.dtype, shape: reshaped(x.shape, target.elements, allowzero !== 0), elements: x.elements };
    const rank = target.shape?.[0];
    return { dtype: x.dtype, shape: typeof rank === "number" ? new Array<Dim>(rank).fill("?") : undefined };
  },
  grad: (g, { x, dy }) => ({ x: g.reshape(dy, g.shapeLike(x), { allowZero: true }), shape: null }),
});

function reshaped(from: Dims | undefined, target: Dims, allowZero: boolean): Dims {
  const dims = target.map((dim, i) => (dim === 0 && !allowZero ? (from?.[i] ?? "?") : dim));
  const open = dims.indexOf(-1);
  if (from === undefined) return dims.map((dim) => (dim === -1 ? "?" : dim));
  const total = mulDims(...from);
  if (open < 0) {
    const wanted = mulDims(...dims);
    if (typeof total === "number" && typeof wanted === "number" && total !== wanted) {
      throw new ShapeError("Reshape", `${formatShape(from)} has ${total} elements, ${formatShape(dims)} has ${wanted}`);
    }
    return dims;
  }
  return dims.map((dim, i) =>
    i === open
      ? quotient(
          from,
          dims.filter((_, k) => k !== open),
        )
      : dim,
  );
}

/** What is left of `from` when the sizes in `others` are taken out. */
function quotient(from: Dims, others: Dims): Dim {
  const rest = [...from];
  const left: Dim[] = [];
  for (const dim of others) {
    const at = typeof dim === "string" && dim !== "?" ? rest.indexOf(dim) : -1;
    if (at >= 0) rest.splice(at, 1);
    else left.push(dim);
  }
  const [top, bottom] = [mulDims(...rest), mulDims(...left)];
  if (typeof bottom !== "number" || bottom === 0) return "?";
  if (typeof top === "number") {
    if (top % bottom !== 0)
      throw new ShapeError("Reshape", `${formatShape(from)} cannot be divided into parts of ${bottom}`);
    return top / bottom;
  }
  const [, factor, name] = /^(\d+)\*(.+)$/.exec(top) ?? [];
  if (factor !== undefined && Number(factor) % bottom === 0) {
    return Number(factor) === bottom ? name! : `${Number(factor) / bottom}*${name}`;
  }
  return bottom === 1 ? top : divDims(top, bottom);
}

export const flatten = defineOp({
  type: "Flatten",
  inputs: ["x"],
  attrs: { axis: 1 },
  infer({ x }, { axis }) {
    if (x.shape === undefined) return { dtype: x.dtype, shape: ["?", "?"] };
    const at = axis < 0 ? axis + x.shape.length : axis;
    return { dtype: x.dtype, shape: [mulDims(...x.shape.slice(0, at)), mulDims(...x.shape.slice(at))] };
  },
  grad: (g, { x, dy }) => ({ x: g.reshape(dy, g.shapeLike(x), { allowZero: true }) }),
});

export const squeeze = defineOp({
  type: "Squeeze",
  inputs: ["x", "axes?"],
  infer({ x, axes }) {
    const known = { dtype: x.dtype, elements: x.elements };
    if (x.shape === undefined) return { ...known, shape: undefined };
    if (axes === undefined) {
      const unsure = x.shape.some((dim) => typeof dim === "string");
      return { ...known, shape: unsure ? undefined : x.shape.filter((dim) => dim !== 1) };
    }
    if (axes.elements === undefined) return { ...known, shape: undefined };
    const gone = new Set(axes.elements.map((axis) => axisOf(Number(axis), x.shape!.length, "Squeeze")));
    return { ...known, shape: x.shape.filter((_, i) => !gone.has(i)) };
  },
  grad: (g, { x, dy }) => ({ x: g.reshape(dy, g.shapeLike(x), { allowZero: true }), axes: null }),
});

export const unsqueeze = defineOp({
  type: "Unsqueeze",
  inputs: ["x", "axes"],
  infer({ x, axes }) {
    const known = { dtype: x.dtype, elements: x.elements };
    if (x.shape === undefined || axes.elements === undefined) return { ...known, shape: undefined };
    const rank = x.shape.length + axes.elements.length;
    const added = new Set(axes.elements.map((axis) => axisOf(Number(axis), rank, "Unsqueeze")));
    const rest = [...x.shape];
    const dims = Array.from({ length: rank }, (_, i): Dim => (added.has(i) ? 1 : rest.shift()!));
    return { ...known, shape: dims, elements: rank <= 1 ? x.elements : undefined };
  },
  grad: (g, { x, dy }) => ({ x: g.reshape(dy, g.shapeLike(x), { allowZero: true }), axes: null }),
});

export const transpose = defineOp({
  type: "Transpose",
  inputs: ["x"],
  attrs: { perm: ints() },
  infer({ x }, { perm }) {
    if (x.shape === undefined) return { dtype: x.dtype, shape: perm?.map(() => "?") };
    const order = perm ?? [...x.shape.keys()].reverse();
    if (order.length !== x.shape.length) {
      throw new ShapeError(
        "Transpose",
        `perm ${formatShape(order)} is for ${order.length} dimensions, got ${formatShape(x.shape)}`,
      );
    }
    return { dtype: x.dtype, shape: order.map((axis) => x.shape![axis] ?? "?") };
  },
  grad(g, { dy, attrs: { perm } }) {
    const back = perm?.map((_, i) => perm.indexOf(i));
    const last = dy.rank! - 1;
    // what would move every single number of a product moves whole rows of the turned one, or nothing
    const turned = back?.at(-1) === last - 1 ? turnedProduct(g, dy) : undefined;
    if (turned === undefined) return { x: g.transpose(dy, back) };
    const rest = back!.map((axis) => (axis === last ? last - 1 : axis === last - 1 ? last : axis));
    return { x: rest.every((axis, i) => axis === i) ? turned : g.transpose(turned, rest) };
  },
});

export const expand = defineOp({
  type: "Expand",
  inputs: ["x", "shape"],
  infer({ x, shape: target }) {
    const rank = target.shape?.[0];
    const dims = target.elements ?? (typeof rank === "number" ? new Array<Dim>(rank).fill("?") : undefined);
    return { dtype: x.dtype, shape: broadcastDims([x.shape, dims], "Expand") };
  },
  grad: (g, { x, dy }) => ({ x: sumTo(g, dy, x), shape: null }),
});

export const cast = defineOp({
  type: "Cast",
  inputs: ["x"],
  attrs: { to: int() },
  infer: ({ x }, { to }) => ({ dtype: elementTypeOf(to ?? 0), shape: x.shape, elements: x.elements }),
  // whole numbers and truth values have no gradient
  grad(g, { x, y, dy }) {
    const smooth = isFloat(x.dtype as DType) && isFloat(y.dtype as DType);
    return { x: smooth ? g.cast(dy, x.dtype!) : null };
  },
});

export const constantOfShape = defineOp({
  type: "ConstantOfShape",
  inputs: ["shape"],
  attrs: { value: tensor() },
  infer({ shape: target }, { value }) {
    const rank = target.shape?.[0];
    const open = typeof rank === "number" ? new Array<Dim>(rank).fill("?") : undefined;
    return { dtype: value?.dtype ?? "float32", shape: target.elements ?? open };
  },
  grad: null,
});

export const range = defineOp({
  type: "Range",
  inputs: ["start", "limit", "delta"],
  infer({ start, limit, delta }) {
    const [from, to, step] = [start, limit, delta].map(({ elements }) => elements?.[0]);
    const numbers = typeof from === "number" && typeof to === "number" && typeof step === "number";
    const length = numbers ? Math.max(0, Math.ceil((to - from) / step)) : from === 0 && step === 1 ? (to ?? "?") : "?";
    const elements =
      numbers && (length as number) <= 64
        ? Array.from({ length: length as number }, (_, i) => from + i * step)
        : undefined;
    return { dtype: start.dtype ?? limit.dtype, shape: [length], elements };
  },
  grad: null,
});

export const constant = defineOp({
  type: "Constant",
  inputs: [],
  attrs: { value: tensor(), value_float: float(0), value_floats: floats(), value_int: int(), value_ints: ints() },
  infer(_, { value, value_float, value_floats, value_int, value_ints }, { node }) {
    if (value !== undefined) return knownConstant(value);
    if (value_ints !== undefined) return knownConstant(int64s(value_ints));
    if (value_int !== undefined)
      return knownConstant(StoredTensor.of(new Tensor("int64", new BigInt64Array([BigInt(value_int)]), [])));
    if (value_floats !== undefined)
      return knownConstant(StoredTensor.of(new Tensor("float32", Float32Array.from(value_floats))));
    if (node.attrs.has("value_float")) return knownConstant(StoredTensor.of(Tensor.scalar(value_float)));
    return { dtype: undefined, shape: undefined };
  },
  grad: null,
});
