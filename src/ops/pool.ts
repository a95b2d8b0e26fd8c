/** @file Pooling: the largest or the mean of what a window sees, or of everything. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Value } from "../graph/value.js";
import { sizeOf } from "../tensor/shape.js";
import { defineOp } from "./op.js";
import { maxPoolGradient, tiledMaxGradient } from "./pool-max.js";
import { placesOf, type Window, type WindowAttrs, windowAttrs, windowOf } from "./window.js";
import { cropTo, isTiling, spread, toTiles } from "./window-parts.js";

function poolKnown(x: Known, attrs: WindowAttrs, ceil: number, who: string): Known {
  if (x.shape === undefined) return { dtype: x.dtype, shape: undefined };
  const [batch = "?", channels = "?", ...spatial] = x.shape;
  const window = windowOf(attrs, attrs.kernel_shape, spatial, who);
  return { dtype: x.dtype, shape: [batch, channels, ...placesOf(window, spatial, who, ceil !== 0)] };
}

export const maxPool = defineOp({
  type: "MaxPool",
  inputs: ["x"],
  outputs: ["y", "indices"],
  attrs: { ...windowAttrs, ceil_mode: 0, storage_order: 0 },
  infer({ x }, attrs) {
    const y = poolKnown(x, attrs, attrs.ceil_mode, "MaxPool");
    return [y, { dtype: "int64", shape: y.shape }];
  },
  grad(g, { x, y, dy, attrs, node }) {
    if (dy === undefined) return { x: null };
    const window = windowOf(attrs, attrs.kernel_shape, x.shape?.slice(2) ?? [], "MaxPool");
    const tiles = isTiling(window) && attrs.ceil_mode === 0 && x.dtype === "float32";
    return { x: tiles ? tiledMaxGradient(g, x, y, dy, window.kernel) : maxPoolGradient(g, x, dy, node) };
  },
});

export const averagePool = defineOp({
  type: "AveragePool",
  inputs: ["x"],
  attrs: { ...windowAttrs, ceil_mode: 0, count_include_pad: 0 },
  infer: ({ x }, attrs) => poolKnown(x, attrs, attrs.ceil_mode, "AveragePool"),
  grad(g, { x, dy, attrs }) {
    const window = windowOf(attrs, attrs.kernel_shape, x.shape?.slice(2) ?? [], "AveragePool");
    const padded = [...window.before, ...window.after].some((pad) => pad > 0);
    // how many elements each window takes the mean of: all of them, unless padding is not counted or a last window hangs over
    const partial = attrs.ceil_mode !== 0 || (padded && attrs.count_include_pad === 0);
    const share = partial ? g.div(dy, counts(g, x, window, attrs)) : g.div(dy, sizeOf(window.kernel));
    const tiles = isTiling(window) && attrs.ceil_mode === 0 && x.dtype === "float32";
    return { x: tiles ? toTiles(g, share, window.kernel, x) : spreadSum(g, share, window, x) };
  },
});

/** Number of elements that each window counts: the sum over it of ones where there is something to count, else zeros. */
function counts(
  g: GraphBuilder,
  x: Value,
  window: Window,
  attrs: { ceil_mode: number; count_include_pad: number },
): Value {
  const { strides, before, after } = window;
  const one = g.onesLike(g.slice(x, [0, 0], [1, 1], { axes: [0, 1] }));
  const counted = g.pad(one, [0, 0, ...before, 0, 0, ...after], { value: attrs.count_include_pad });
  // with ceil_mode the last windows may hang over the end, where nothing counts
  const hang = attrs.ceil_mode === 0 ? undefined : strides.map((stride) => stride - 1);
  const wide = hang === undefined ? counted : g.pad(counted, [0, 0, ...hang.map(() => 0), 0, 0, ...hang]);
  return windowSum(g, wide, window, strides);
}

/** The sum of what each window sees. The factor stands between padding and pooling, which the runtime must not fuse. */
function windowSum(g: GraphBuilder, x: Value, { kernel, dilations }: Window, strides: readonly number[]): Value {
  const apart = dilations.some((dilation) => dilation !== 1) ? { dilations } : {};
  return g.averagePool(g.mul(x, sizeOf(kernel)), { kernel, strides, ...apart });
}

/** Each element of x gets the sum of the shares of all windows that see it. */
function spreadSum(g: GraphBuilder, share: Value, window: Window, x: Value): Value {
  const { kernel, strides, dilations, before } = window;
  const reach = kernel.map((size, i) => dilations[i]! * (size - 1));
  const apart = spread(g, share, strides);
  const around = reach.every((size) => size === 0) ? apart : g.pad(apart, [0, 0, ...reach, 0, 0, ...reach]);
  const sums =
    sizeOf(kernel) === 1
      ? around
      : windowSum(
          g,
          around,
          window,
          kernel.map(() => 1),
        );
  return cropTo(g, sums, before, x);
}

function globalKnown(x: Known): Known {
  return { dtype: x.dtype, shape: x.shape?.map((dim, i) => (i < 2 ? dim : 1)) };
}

export const globalAveragePool = defineOp({
  type: "GlobalAveragePool",
  inputs: ["x"],
  infer: ({ x }) => globalKnown(x),
  grad(g, { x, dy }) {
    const spatial = x.shape?.slice(2);
    const count = spatial?.every((size) => typeof size === "number")
      ? sizeOf(spatial as readonly number[])
      : g.cast(g.reduceProd(g.shapeOf(x, { start: 2 })), dy.dtype ?? "float32");
    return { x: g.expand(g.div(dy, count), g.shapeLike(x)) };
  },
});

export const globalMaxPool = defineOp({
  type: "GlobalMaxPool",
  inputs: ["x"],
  infer: ({ x }) => globalKnown(x),
  // the first of equal ones, as in PyTorch
  grad(g, { x, dy }) {
    const flat = g.reshape(x, [0, 0, -1]);
    const best = g.argMax(flat, { axis: 2, keepdims: true });
    const flatDy = g.reshape(dy, [0, 0, 1]);
    return { x: g.reshape(g.scatterElements(g.zerosLike(flat), best, flatDy, { axis: 2 }), g.shapeLike(x)) };
  },
});
