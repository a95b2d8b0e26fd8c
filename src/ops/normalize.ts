/** @file What normalizations share: values of mean 0 and deviation 1 over some axes, and the way back. */

import { ShapeError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";

export interface Normalized {
  /** (x - mean) / deviation. */
  readonly hat: Value;
  /** 1 / deviation, with size 1 along the axes. */
  readonly inverse: Value;
  readonly axes: readonly number[];
}

/** x normalized over `axes`, as the forward operators do it. */
export function normalized(g: GraphBuilder, x: Value, axes: readonly number[], epsilon: number): Normalized {
  const centered = g.sub(x, g.reduceMean(x, { axes, keepdims: true }));
  return scaledToOne(g, centered, axes, epsilon);
}

/** x divided by the root of its mean square. */
export function scaledToOne(g: GraphBuilder, x: Value, axes: readonly number[], epsilon: number): Normalized {
  const variance = g.reduceMean(g.square(x), { axes, keepdims: true });
  const inverse = g.reciprocal(g.sqrt(g.add(variance, epsilon)));
  return { hat: g.mul(x, inverse), inverse, axes };
}

/** hat = (x - mean(x)) / deviation(x)  =>  dx = (dhat - mean(dhat) - hat mean(dhat hat)) / deviation. */
export function normalizedBack(g: GraphBuilder, { hat, inverse, axes }: Normalized, dhat: Value): Value {
  const mean = g.reduceMean(dhat, { axes, keepdims: true });
  return g.mul(inverse, g.sub(g.sub(dhat, mean), along(g, { hat, inverse, axes }, dhat)));
}

/** hat = x / root(x)  =>  dx = (dhat - hat mean(dhat hat)) / root. */
export function scaledToOneBack(g: GraphBuilder, by: Normalized, dhat: Value): Value {
  return g.mul(by.inverse, g.sub(dhat, along(g, by, dhat)));
}

function along(g: GraphBuilder, { hat, axes }: Normalized, dhat: Value): Value {
  return g.mul(hat, g.reduceMean(g.mul(dhat, hat), { axes, keepdims: true }));
}

/** A vector with one element per channel, so that it broadcasts against [batch, channels, ...]. */
export function perChannel(g: GraphBuilder, vector: Value, rank: number): Value {
  const after = Array.from({ length: rank - 2 }, (_, i) => i + 1);
  return after.length === 0 ? vector : g.unsqueeze(vector, after);
}

/** The sum for each channel of [batch, channels, ...], as a vector. */
export function channelSum(g: GraphBuilder, t: Value, rank: number): Value {
  return g.reduceSum(t, { axes: allBut(rank, 1) });
}

export function allBut(rank: number, axis: number): number[] {
  return Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis);
}

/** Number of dimensions. @throws ShapeError where it is not known. */
export function rankOf(x: Value, who: string): number {
  if (x.rank !== undefined) return x.rank;
  throw new ShapeError(
    who,
    "its gradient needs the number of dimensions of its input; give the model's inputs a shape",
  );
}

/** How many elements share one statistic, in the statistic's dtype. */
export function countOf(g: GraphBuilder, x: Value, statistic: Value): Value {
  const count = g.div(g.cast(g.sizeOf(x), "float64"), g.cast(g.sizeOf(statistic), "float64"));
  return g.cast(count, statistic.dtype ?? "float32");
}
