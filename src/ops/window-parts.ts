/** @file Graph pieces that the gradients of convolution and pooling share: windows as strided slices, and their way back. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import type { Window } from "./window.js";

/** Spatial axes of a tensor [batch, channels, ...]. */
export function spatialAxes(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 2);
}

/** `x` with `fill` around it, as the window sees it. */
export function padded(g: GraphBuilder, x: Value, { before, after }: Window, fill = 0): Value {
  if ([...before, ...after].every((pad) => pad === 0)) return x;
  return g.pad(x, [0, 0, ...before, 0, 0, ...after], { value: fill });
}

/** What the windows see at `offset`: one element of `x` (padded) per place; `places` has the places' sizes. */
export function seenAt(g: GraphBuilder, x: Value, offset: readonly number[], window: Window, places: Value): Value {
  const axes = spatialAxes(offset.length);
  const { strides, dilations } = window;
  const starts = offset.map((at, i) => at * dilations[i]!);
  const sizes = places.shape?.slice(2);
  const steps = strides.some((stride) => stride !== 1) ? { steps: strides } : {};
  if (sizes?.every((size) => typeof size === "number")) {
    const ends = starts.map((start, i) => start + ((sizes[i]! as number) - 1) * strides[i]! + 1);
    const input = x.shape?.slice(2);
    if (input?.every((size, i) => starts[i] === 0 && size === ends[i]) && strides.every((stride) => stride === 1))
      return x;
    return g.slice(x, starts, ends, { axes, ...steps });
  }
  const count = g.shapeOf(places, { start: 2 });
  const ends = g.add(g.mul(g.sub(count, 1), g.ints(strides)), g.ints(starts.map((start) => start + 1)));
  return g.slice(x, starts, ends, { axes, ...steps });
}

/**
 * Whether windows lie side by side, so that each element is seen by one, but for a rest at the end. In three dimensions
 * nothing is gained by it: the runtime repeats elements there forty times slower than in two.
 */
export function isTiling({ kernel, strides, dilations, before, after }: Window): boolean {
  if (kernel.length > 2) return false;
  const beside = kernel.every((size, i) => size === strides[i] && dilations[i] === 1);
  return beside && [...before, ...after].every((pad) => pad === 0);
}

/** What each tile has, at every element of `like` that lies in it; 0 in a rest at the end. */
export function toTiles(g: GraphBuilder, x: Value, kernel: readonly number[], like: Value): Value {
  const repeated = g.resize(x, {
    scales: [1, 1, ...kernel],
    mode: "nearest",
    coordinates: "asymmetric",
    nearest: "floor",
  });
  return cropTo(
    g,
    repeated,
    kernel.map(() => 0),
    like,
  );
}

/** `x` cut or zero-filled at the end of its spatial dimensions so that `before + x.spatial` becomes that of `like`. */
export function cropTo(g: GraphBuilder, x: Value, before: readonly number[], like: Value): Value {
  const axes = spatialAxes(before.length);
  const [from, to] = [x.shape?.slice(2), like.shape?.slice(2)];
  if (from?.every((size) => typeof size === "number") && to?.every((size) => typeof size === "number")) {
    const ends = to.map((size, i) => (size as number) + before[i]!);
    const missing = ends.map((end, i) => Math.max(0, end - (from[i] as number)));
    const filled = missing.some((count) => count > 0) ? g.pad(x, [...axes.map(() => 0), ...missing], { axes }) : x;
    const whole = before.every((pad, i) => pad === 0 && ends[i]! >= (from[i] as number));
    return whole ? filled : g.slice(filled, before, ends, { axes });
  }
  const ends = g.add(g.shapeOf(like, { start: 2 }), g.ints(before));
  const missing = g.max(g.sub(ends, g.shapeOf(x, { start: 2 })), g.ints(axes.map(() => 0)));
  const none = g.ints(axes.map(() => 0));
  const filled = g.pad(x, g.concat(none, [missing], { axis: 0 }), { axes });
  return g.slice(filled, before, ends, { axes });
}

/** Zeros between the elements along the spatial dimensions: element i moves to i * stride. */
export function spread(g: GraphBuilder, x: Value, strides: readonly number[]): Value {
  if (strides.every((stride) => stride === 1)) return x;
  // [n, c, h, w] -> [n, c, h, 1, w, 1] -> zeros after each element -> [n, c, h * s, w * s]
  const apart = g.unsqueeze(
    x,
    strides.map((_, i) => 3 + 2 * i),
  );
  const pads = strides.flatMap((stride) => [0, stride - 1]);
  const filled = g.pad(apart, [0, 0, ...pads.map(() => 0), 0, 0, ...pads]);
  return g.reshape(filled, mergePairs(g, x, strides));
}

/** Shape of `x` with each spatial size multiplied. */
export function mergePairs(g: GraphBuilder, x: Value, factors: readonly number[]): Value {
  if (x.shape?.slice(1).every((size) => typeof size === "number")) {
    const sizes = x.shape.slice(2).map((size, i) => (size as number) * factors[i]!);
    const batch = x.shape[0];
    return g.ints([typeof batch === "number" ? batch : -1, x.shape[1] as number, ...sizes]);
  }
  return g.mul(g.shapeOf(x), g.ints([1, 1, ...factors]));
}
