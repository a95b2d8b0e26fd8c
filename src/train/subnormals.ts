/** @file Keeps subnormal numbers out of training: those nearest to 0, with which a processor calculates seventy times slower. */

import { withGradient } from "../autodiff/own-gradient.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";

/**
 * The gradients of a loss that is sure of its classes become such numbers, and so do the moments of weights that have no gradient
 * any more, which shrink with every step. Here 0 begins: products of such numbers are 0 at once, and it takes 170 steps from here to
 * 1e-38 at a decay of 0.9.
 */
const negligible = 1e-30;

/** `x`, with 0 for what is negligible; NaN stays. (Four passes, but ONNX's Shrink, which is one, takes ten times as long.) */
export function withoutNegligible(g: GraphBuilder, x: Value): Value {
  return g.mul(x, g.cast(g.greater(g.abs(x), negligible), "float32"));
}

/** `x`, through which no negligible gradients come. */
export function withoutNegligibleGradients(g: GraphBuilder, x: Value): Value {
  const [same] = withGradient(g, [x], () => ({
    outputs: [g.op("Identity", [x])],
    rule: (b, [dy]) => [dy && withoutNegligible(b, dy)],
  }));
  return same!;
}
