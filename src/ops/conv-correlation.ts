/** @file The weight gradient of a convolution as one convolution: of x, with dy as the weights. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { sizeOf } from "../tensor/shape.js";
import type { Window } from "./window.js";
import { spatialAxes } from "./window-parts.js";

/** The window of such a convolution: its kernel is the places of the first, strides and dilations change places. */
export interface Correlation extends Window {
  readonly sizes: readonly number[];
  /** How many results each dimension has, and how many of them are offsets of the first one's window. */
  readonly found: readonly number[];
  readonly wanted: readonly number[];
}

/** The weight gradient's window, from that of the convolution, the sizes of its input and its places. */
export function correlated(window: Window, sizes: readonly number[], places: readonly number[]): Correlation {
  const { kernel, strides, dilations, before, after } = window;
  // what lies behind the last window: padding is left out, elements give results that are cut off
  const rest = kernel.map((size, i) => {
    const reach = strides[i]! * (places[i]! - 1) + dilations[i]! * (size - 1) + 1;
    return sizes[i]! + before[i]! + after[i]! - reach;
  });
  const needless = rest.map((count, i) => Math.min(count, after[i]!));
  return {
    kernel: places,
    strides: dilations,
    dilations: strides,
    before,
    after: after.map((pad, i) => pad - needless[i]!),
    sizes,
    found: kernel.map((size, i) => size + Math.floor((rest[i]! - needless[i]!) / dilations[i]!)),
    wanted: kernel,
  };
}

interface Channels {
  readonly group: number;
  readonly perGroup: number;
  readonly out: number;
}

/**
 * With the batch as channels, and each row's places and channels in one dimension: x [1, group * n, h, w * c] and weights dy
 * [o, n, places] that reach for every c-th number of a row give [1, o, kernel h, kernel w * c], here as [o, c, offsets]. The
 * runtime gathers what it multiplies in pieces that stay in the cache, and on all threads.
 */
export function overBatch(
  g: GraphBuilder,
  x: Value,
  dy: Value,
  to: Correlation,
  { group, perGroup, out }: Channels,
): Value {
  const axes = spatialAxes(to.sizes.length);
  // a window that moves in steps cannot see a row's places and channels as one: channels are a dimension of their own then
  const inSteps = to.strides.at(-1) !== 1;
  const numbers = (each: readonly number[]) => (inSteps ? [...each, perGroup] : each.with(-1, each.at(-1)! * perGroup));
  const reaches = (each: readonly number[], one: number) => (inSteps ? [...each, one] : numbers(each));
  const places = inSteps ? [...to.kernel, 1] : to.kernel;
  // the runtime is six times faster at moving one axis than at moving two
  const pictures = group === 1 ? x : groupsFirst(g, x, to.sizes, group, perGroup);
  const rows = g.reshape(g.transpose(pictures, [0, ...axes, 1]), [1, -1, ...numbers(to.sizes)]);
  const weights = g.reshape(g.transpose(dy, [1, 0, ...axes]), [out, -1, ...places]);
  const sums = g.conv(rows, weights, undefined, {
    kernel: places,
    strides: inSteps ? [...to.strides, 1] : to.strides,
    dilations: reaches(to.dilations, 1),
    pads: [...reaches(to.before, 0), ...reaches(to.after, 0)],
    group,
  });
  const wanted = cut(g, sums, numbers(to.found), numbers(to.wanted));
  const batch = x.shape![0];
  const none = () => g.equal(g.shapeOf(x, { start: 0, end: 1 }), 0);
  // of an empty batch the runtime's convolution leaves what the memory held
  const safe = typeof batch === "number" && batch > 0 ? wanted : g.where(none(), 0, wanted);
  return g.transpose(g.reshape(safe, [out, sizeOf(to.wanted), perGroup]), [0, 2, 1]);
}

/** [n, group * c, ...] -> [group * n, c, ...]. */
function groupsFirst(g: GraphBuilder, x: Value, sizes: readonly number[], group: number, perGroup: number): Value {
  const split = g.reshape(x, [-1, group, perGroup, ...sizes]);
  return g.reshape(g.transpose(split, [1, 0, 2, ...sizes.map((_, i) => i + 3)]), [-1, perGroup, ...sizes]);
}

/** One channel in and out per group: each plane of x with its own plane of dy as weights, then the sum over the batch. */
export function planeByPlane(
  g: GraphBuilder,
  x: Value,
  dy: Value,
  to: Correlation,
  batch: number,
  channels: number,
): Value {
  const { kernel, strides, dilations, before, after } = to;
  const group = batch * channels;
  const planes = g.reshape(x, [1, group, ...to.sizes]);
  const weights = g.reshape(dy, [group, 1, ...kernel]);
  const options = { kernel, strides, dilations, pads: [...before, ...after], group };
  const sums = cut(g, g.conv(planes, weights, undefined, options), to.found, to.wanted);
  return g.reduceSum(g.reshape(sums, [batch, -1]), { axes: [0] });
}

/** What is wanted of what was found, from the third dimension on. */
function cut(g: GraphBuilder, x: Value, found: readonly number[], wanted: readonly number[]): Value {
  if (found.every((count, i) => count === wanted[i])) return x;
  return g.slice(
    x,
    wanted.map(() => 0),
    wanted,
    { axes: spatialAxes(wanted.length) },
  );
}
