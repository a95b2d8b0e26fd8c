/** @file The gradient of MaxPool: each output's gradient goes to the first largest element that its window saw. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { offsetsOf, type Window } from "./window.js";
import { cropTo, seenAt, spatialAxes, spread } from "./window-parts.js";

/** Lower than any element: what lies around never wins. */
const lowest = Number.NEGATIVE_INFINITY;

/** Ties go to the first element in the window's order, as in PyTorch. */
export function maxPoolGradient(g: GraphBuilder, x: Value, y: Value, dy: Value, window: Window): Value {
  const wide = enough(g, x, y, window);
  const offsets = offsetsOf(window.kernel);
  let free: Value | undefined;
  const shares = offsets.map((offset, i) => {
    const equal = g.equal(seenAt(g, wide, offset, window, y), y);
    const wins = free === undefined ? equal : g.and(equal, free);
    if (i < offsets.length - 1) free = free === undefined ? g.not(equal) : g.and(free, g.not(equal));
    return g.where(wins, dy, 0);
  });
  const { strides, dilations } = window;
  // each offset's shares go back to where that offset saw them
  const placed = offsets.map((offset, i) => {
    const shift = offset.map((at, d) => at * dilations[d]!);
    const rest = offset.map((_, d) => reachOf(window, d) - shift[d]!);
    const apart = spread(g, shares[i]!, strides);
    return g.pad(apart, [0, 0, ...shift, 0, 0, ...rest]);
  });
  return cropTo(g, g.sum(placed[0]!, ...placed.slice(1)), window.before, x);
}

function reachOf(window: Window, dimension: number): number {
  return window.dilations[dimension]! * (window.kernel[dimension]! - 1);
}

/** `x` with room around for every place of the window; with ceil_mode the last ones hang over the end. */
function enough(g: GraphBuilder, x: Value, y: Value, window: Window): Value {
  const { before, after, strides } = window;
  const axes = spatialAxes(before.length);
  const [from, places] = [x.shape?.slice(2), y.shape?.slice(2)];
  const fixed = from?.every((size) => typeof size === "number") && places?.every((size) => typeof size === "number");
  const end = after.map((pad, i) => {
    if (!fixed) return pad + strides[i]! - 1;
    return Math.max(
      0,
      ((places[i] as number) - 1) * strides[i]! + reachOf(window, i) + 1 - before[i]! - (from[i] as number),
    );
  });
  if ([...before, ...end].every((pad) => pad === 0)) return x;
  return g.pad(x, [...before, ...end], { value: lowest, axes });
}
