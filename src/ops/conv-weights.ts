/** @file The weight gradient of a convolution: the costly one, with a form per kind of shape. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { correlated, overBatch, planeByPlane } from "./conv-correlation.js";
import { areNumbers } from "./dims.js";
import { offsetsOf, type Window } from "./window.js";
import { padded, seenAt, spatialAxes } from "./window-parts.js";

/**
 * For a convolution of `x` [n, c, ...] with output `dy` [n, o, ...]: the gradient of its weights as [o, c/group, kernel...], up
 * to a reshape. dW[o, c, k] is the sum over batch and places of dy[o] times what offset k of the window sees of c.
 */
export function weightGradient(g: GraphBuilder, x: Value, dy: Value, window: Window, group: number): Value {
  return asConvolution(g, x, dy, window, group) ?? byOffsets(g, x, dy, window, group);
}

/** What is one convolution again, where sizes are known and it pays. */
function asConvolution(g: GraphBuilder, x: Value, dy: Value, window: Window, group: number): Value | undefined {
  const [batch, channels, ...sizes] = x.shape ?? [];
  const [, out, ...places] = dy.shape ?? [];
  if (typeof channels !== "number" || typeof out !== "number") return undefined;
  if (!areNumbers(sizes) || !areNumbers(places)) return undefined;
  const to = correlated(window, sizes, places);
  if (channels === group && out === group) {
    const whole = typeof batch === "number" && batch > 0 && sizes.length === 2;
    return whole ? planeByPlane(g, x, dy, to, batch, channels) : undefined;
  }
  const paid = channels / group > fewChannels && offsetsOf(window.kernel).length > 1;
  // the runtime has no convolutions of four dimensions
  if (window.kernel.length === 3 && to.strides[2] !== 1) return undefined;
  return paid ? overBatch(g, x, dy, to, { group, perGroup: channels / group, out }) : undefined;
}

function byOffsets(g: GraphBuilder, x: Value, dy: Value, window: Window, group: number): Value {
  if (group === 1) return onePerOffset(g, x, dy, window);
  const wide = padded(g, x, window);
  const seen = offsetsOf(window.kernel).map((offset) => seenAt(g, wide, offset, window, dy));
  const [channels, out] = [x.shape?.[1], dy.shape?.[1]];
  return channels === group && out === group ? depthwise(g, seen, dy) : inGroups(g, seen, dy, group, channels);
}

/** One channel in and out per group: products element by element, summed over batch and places. */
function depthwise(g: GraphBuilder, seen: readonly Value[], dy: Value): Value {
  const axes = [0, ...Array.from({ length: dy.rank! - 2 }, (_, i) => i + 2)];
  const sums = seen.map((part) => g.unsqueeze(g.reduceSum(g.mul(part, dy), { axes }), [1]));
  return sums.length === 1 ? sums[0]! : g.concat(sums[0]!, sums.slice(1), { axis: 1 });
}

/**
 * A product per offset of the window, over batch and places at once. Joining what the offsets see to one matrix first, as
 * is usual, costs a third more: the copies are larger than what one large product gains. Of few channels they are small, and
 * one product reads dy once instead of once per offset: then it takes a fifth of the time.
 */
function onePerOffset(g: GraphBuilder, x: Value, dy: Value, window: Window): Value {
  const channelsFirst = (v: Value) => g.transpose(v, [1, 0, ...spatialAxes(window.kernel.length)]);
  const wide = padded(g, channelsFirst(x), window);
  const turned = channelsFirst(dy);
  const left = g.flatten(turned);
  const seen = offsetsOf(window.kernel).map((offset) => g.flatten(seenAt(g, wide, offset, window, turned)));
  const product = (columns: Value) => g.matmul(left, g.transpose(columns, [1, 0]));
  if (seen.length === 1) return product(seen[0]!);
  const channels = x.shape?.[1];
  if (typeof channels === "number" && channels <= fewChannels) {
    // [out, offsets * channels] -> [out, channels, offsets]
    const joined = product(g.concat(seen[0]!, seen.slice(1), { axis: 0 }));
    return g.transpose(g.reshape(joined, [0, seen.length, channels]), [0, 2, 1]);
  }
  const products = seen.map((columns) => g.unsqueeze(product(columns), [2]));
  return g.concat(products[0]!, products.slice(1), { axis: 2 });
}

/** One thread, batch 64, to 16 channels, 28x28, 3x3: 3 channels 2.6 ms joined, 4.9 as a convolution; 8 channels 6.2 apart, 6.6; two threads 9.0 and 7.3. */
const fewChannels = 5;

/** Columns [n, group, offsets * c/group, places]: one batched product with dy, summed over the batch. */
function inGroups(g: GraphBuilder, seen: readonly Value[], dy: Value, group: number, channels: unknown): Value {
  const perGroup = typeof channels === "number" ? channels / group : undefined;
  const byGroup = seen.map((part) =>
    g.reshape(part, [0, group, perGroup ?? -1, ...(perGroup === undefined ? [] : [-1])]),
  );
  const joined = byGroup.length === 1 ? byGroup[0]! : g.concat(byGroup[0]!, byGroup.slice(1), { axis: 2 });
  const out = dy.shape?.[1];
  const dyGroups = g.reshape(dy, [
    0,
    group,
    typeof out === "number" ? out / group : -1,
    ...(typeof out === "number" ? [-1] : []),
  ]);
  const product = g.reduceSum(g.matmul(dyGroups, g.transpose(joined, [0, 1, 3, 2])), { axes: [0] });
  // [group, o/group, k * c/group] -> [group, o/group, c/group, k]
  return g.transpose(g.reshape(product, [0, 0, seen.length, -1]), [0, 1, 3, 2]);
}
