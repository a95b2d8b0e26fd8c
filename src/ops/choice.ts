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

  // at a bound itself: 0 where the bound is a constant, half where it is a tensor of its own, as in PyTorch
  grad(g, { x, min, max, dy, wants }) {
    const isFixed = (name: "min" | "max", bound: Value) => bound.constant !== undefined && !wants(name);
    const inside: Value[] = [];
    if (min !== undefined) inside.push(isFixed("min", min) ? g.greater(x, min) : sharePassed(g, x, min));
    if (max !== undefined) inside.push(isFixed("max", max) ? g.less(x, max) : sharePassed(g, max, x));
    const crossed = min !== undefined && max !== undefined ? g.greater(min, max) : undefined;
    return {
      x: inside.reduce((grad, part) => (part.dtype === "bool" ? g.where(part, grad, 0) : g.mul(grad, part)), dy),
      min: min !== undefined && wants("min") ? boundBack(g, dy, sharePassed(g, x, min), min, crossed, 0) : null,
      max: max !== undefined && wants("max") ? boundBack(g, dy, sharePassed(g, max, x), max, crossed, 1) : null,
    };
  },
});

/** 1 where a > b, 1/2 where they are equal, else 0. */
function sharePassed(g: GraphBuilder, a: Value, b: Value): Value {
  const dtype = a.dtype ?? b.dtype ?? "float32";
  const [more, atLeast] = [g.cast(g.greater(a, b), dtype), g.cast(g.greaterOrEqual(a, b), dtype)];
  return g.mul(g.add(more, atLeast), 0.5);
}

/** What x did not get goes to the bound; where min > max all of it to max. */
function boundBack(
  g: GraphBuilder,
  dy: Value,
  passed: Value,
  bound: Value,
  crossed: Value | undefined,
  ifCrossed: number,
): Value {
  const share = g.sub(1, passed);
  return sumTo(g, g.mul(dy, crossed === undefined ? share : g.where(crossed, ifCrossed, share)), bound);
}

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
