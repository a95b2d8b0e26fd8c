/** @file The input gradient of a convolution. */

import { ShapeError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import type { Window } from "./window.js";
import { cropTo } from "./window-parts.js";

/** Stride 1: a convolution of dY with the weights turned around, which is faster than a transposed one. */
export function inputGradient(g: GraphBuilder, dy: Value, w: Value, x: Value, window: Window, group: number): Value {
  const { kernel, strides, dilations, before, after } = window;
  const reach = kernel.map((size, i) => dilations[i]! * (size - 1));
  const pads = [before, after].flatMap((side) => side.map((pad, i) => reach[i]! - pad));
  if (strides.every((stride) => stride === 1) && pads.every((pad) => pad >= 0)) {
    return g.conv(dy, turnedWeights(g, w, kernel, group), undefined, { kernel, dilations, pads, group });
  }
  const options = { kernel, strides, dilations, group };
  const [places, sizes] = [dy.shape?.slice(2), x.shape?.slice(2)];
  if (places?.every((size) => typeof size === "number") && sizes?.every((size) => typeof size === "number")) {
    const outputPadding = kernel.map((_, i) => {
      const full = ((places[i] as number) - 1) * strides[i]! + reach[i]! + 1;
      return (sizes[i] as number) + before[i]! + after[i]! - full;
    });
    return g.convTranspose(dy, w, undefined, { ...options, pads: [...before, ...after], outputPadding });
  }
  return cropTo(g, g.convTranspose(dy, w, undefined, options), before, x);
}

/** [out, in/group, k...] -> [in, out/group, k reversed]. */
function turnedWeights(g: GraphBuilder, w: Value, kernel: readonly number[], group: number): Value {
  const axes = kernel.map((_, i) => i + 2);
  const flat = kernel.every((size) => size === 1);
  const back = flat
    ? w
    : g.slice(
        w,
        kernel.map(() => -1),
        kernel.map(() => -(2 ** 31)),
        { axes, steps: kernel.map(() => -1) },
      );
  const swap = (x: Value, at: number) => {
    const order = Array.from({ length: kernel.length + 2 + at }, (_, i) => i);
    [order[at], order[at + 1]] = [at + 1, at];
    return g.transpose(x, order);
  };
  if (group === 1) return swap(back, 0);
  const perGroup = w.shape?.[1];
  const split = g.reshape(back, [group, -1, typeof perGroup === "number" ? perGroup : 0, ...kernel]);
  // [group, out/group, in/group, k] -> [group, in/group, out/group, k] -> groups joined
  const swapped = swap(split, 1);
  const out = w.shape?.[0];
  if (typeof out !== "number")
    throw new ShapeError("Conv", "the gradient of a grouped convolution needs its number of channels");
  return g.reshape(swapped, [-1, out / group, ...kernel]);
}
