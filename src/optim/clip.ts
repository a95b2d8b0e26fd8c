/** @file Clipping of gradients: by value, by each one's norm, by the norm of all. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";

/** What optimizers say of it. */
export interface Clipping {
  /** Elements are cut to this size. */
  readonly clipValue?: number | undefined;
  /** Each gradient is scaled down to this norm. */
  readonly clipNorm?: number | undefined;
  /** All gradients together are scaled down to this norm. */
  readonly globalClipNorm?: number | undefined;
}

/** Clips the gradients of all weights; by value first, where a norm is given too. One more pass over them for each kind. */
export function clipGradients(
  g: GraphBuilder,
  grads: readonly Value[],
  { clipValue, clipNorm, globalClipNorm }: Clipping,
): readonly Value[] {
  const cut = clipValue === undefined ? grads : grads.map((grad) => g.clip(grad, -clipValue, clipValue));
  if (clipNorm !== undefined) return cut.map((grad) => g.mul(grad, factor(g, normOf(g, grad), clipNorm)));
  if (globalClipNorm === undefined || cut.length === 0) return cut;
  const squares = cut.map((grad) => g.reduceSumSquare(grad));
  const scale = factor(g, g.sqrt(g.sum(squares[0]!, ...squares.slice(1))), globalClipNorm);
  return cut.map((grad) => g.mul(grad, scale));
}

/** Norm of a tensor's elements, a scalar. */
export function normOf(g: GraphBuilder, x: Value): Value {
  return g.sqrt(g.reduceSumSquare(x));
}

/** At most 1. */
function factor(g: GraphBuilder, norm: Value, limit: number): Value {
  return g.div(limit, g.max(norm, limit));
}
