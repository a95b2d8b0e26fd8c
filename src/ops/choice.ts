/** @file Operators that choose among their inputs element by element: Where, Clip, Min, Max; and Mean of several. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Value } from "../graph/value.js";
import { broadcastDims } from "./dims.js";
import { defineOp } from "./op.js";
import { like } from "./unary.js";
import { sumTo } from "./unbroadcast.js";

function broadcastAll(xs: readonly Known[], who: string): Known {
  const dtype = xs.find((x) => x.dtype !== undefined)?.dtype;
  const shapes = xs.map(({ shape }) => shape);
  return { dtype, shape: broadcastDims(shapes, who) };
}

export const where = defineOp({
  type: "Where",
  inputs: ["condition", "a", "b"],
  infer: ({ condition, a, b }) => ({
    dtype: a.dtype ?? b.dtype,
    shape: broadcastDims([condition.shape, a.shape, b.shape], "Where"),
  }),
  grad: (g, { condition, a, b, dy, wants }) => ({
    condition: null,
    a: wants("a") ? sumTo(g, g.where(condition, dy, 0), a) : null,
    b: wants("b") ? sumTo(g, g.where(condition, 0, dy), b) : null,
  }),
});

export const clip = defineOp({
  type: "Clip",
  inputs: ["x", "min?", "max?"],
  infer: ({ x }) => like(x),
  // at a bound itself the gradient passes to x, as in PyTorch; where min > max all of y is max
  grad(g, { x, min, max, dy, wants }) {
    const low = min === undefined ? undefined : g.less(x, min);
    const over = max === undefined ? undefined : g.greater(x, max);
    const crossed = min === undefined || max === undefined ? undefined : g.greater(min, max);
    const high = over === undefined || crossed === undefined ? over : g.or(over, crossed);
    const outside = low === undefined || high === undefined ? (low ?? high) : g.or(low, high);
    const atMin = low === undefined || high === undefined ? low : g.and(low, g.not(high));
    const share = (mask: Value | undefined, bound: Value | undefined) =>
      mask === undefined || bound === undefined ? null : sumTo(g, g.where(mask, dy, 0), bound);
    return {
      x: outside === undefined ? dy : g.where(outside, 0, dy),
      min: wants("min") ? share(atMin, min) : null,
      max: wants("max") ? share(high, max) : null,
    };
  },
});

/** Those of `xs` that equal y share dy: half each of two, as in PyTorch. */
function shareAmongEqual(g: GraphBuilder, xs: readonly Value[], y: Value, dy: Value): Value[] {
  if (xs.length === 1) return [dy];
  const dtype = y.dtype ?? "float32";
  const masks = xs.map((x) => g.cast(g.equal(x, y), dtype));
  const each = g.div(dy, g.sum(masks[0]!, ...masks.slice(1)));
  return xs.map((x, i) => sumTo(g, g.mul(each, masks[i]!), x));
}

export const max = defineOp({
  type: "Max",
  inputs: ["...xs"],
  infer: ({ xs }) => broadcastAll(xs, "Max"),
  grad: (g, { xs, y, dy }) => ({ xs: shareAmongEqual(g, xs, y, dy) }),
});

export const min = defineOp({
  type: "Min",
  inputs: ["...xs"],
  infer: ({ xs }) => broadcastAll(xs, "Min"),
  grad: (g, { xs, y, dy }) => ({ xs: shareAmongEqual(g, xs, y, dy) }),
});

export const mean = defineOp({
  type: "Mean",
  inputs: ["...xs"],
  infer: ({ xs }) => broadcastAll(xs, "Mean"),
  grad(g, { xs, dy }) {
    const each = g.div(dy, xs.length);
    return { xs: xs.map((x) => sumTo(g, each, x)) };
  },
});
