/** @file Clipping of gradients, as operators. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";

/** What of an optimizer's parameters says how gradients are clipped. */
export interface Clipping {
  readonly clipValue: number | undefined;
  readonly clipNorm: number | undefined;
  readonly globalClipNorm: number | undefined;
}

/** Gradients cut element by element, then each, or all together, scaled down to a norm. */
export function clipGradients(
  g: GraphBuilder,
  grads: readonly Value[],
  { clipValue, clipNorm, globalClipNorm }: Clipping,
): readonly Value[] {
  const cut = clipValue === undefined ? grads : grads.map((grad) => g.clip(grad, -clipValue, clipValue));
  if (clipNorm !== undefined) return cut.map((grad) => g.mul(grad, factorFor(g, [grad], clipNorm)));
  if (globalClipNorm === undefined) return cut;
  const factor = factorFor(g, cut, globalClipNorm);
  return cut.map((grad) => g.mul(grad, factor));
}

/** limit / norm where the norm is above the limit, else 1. */
function factorFor(g: GraphBuilder, grads: readonly Value[], limit: number): Value {
  const squares = grads.map((grad) => g.reduceSumSquare(grad));
  const norm = g.sqrt(g.sum(squares[0]!, ...squares.slice(1)));
  return g.div(limit, g.max(norm, limit));
}
