/** @file Layers that make one tensor of several: Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, Dot. */

import { ShapeError } from "../../errors.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { formatShape } from "../../tensor/shape.js";
import { boolean, integer, json, optional } from "../../util/params.js";
import { defineLayer } from "../layer.js";
import { expectAxis, expectRank, shown } from "./expect.js";

/** Several inputs whose shapes are equal, or broadcast to each other. */
function several(who: string, xs: readonly Value[]): readonly [Value, ...Value[]] {
  if (xs.length < 2) {
    throw new ShapeError(
      who,
      `expected several inputs, got ${xs.length}; apply it to a list, as in add().apply([a, b])`,
    );
  }
  const [first, ...rest] = xs as [Value, ...Value[]];
  for (const x of rest) {
    const fits = [...(x.shape ?? [])].reverse().every((size, i) => {
      const other = first.shape?.at(-1 - i);
      return other === undefined || size === other || size === 1 || other === 1 || typeof size !== typeof other;
    });
    if (fits) continue;
    throw new ShapeError(
      who,
      `expected inputs of one shape, got ${shown(first.shape)} and ${shown(x.shape)}; put dense() or reshape() before one of them`,
    );
  }
  return [first, ...rest];
}

function merge(type: string, build: (g: GraphBuilder, first: Value, rest: Value[]) => Value) {
  return defineLayer({
    type,
    keepsMask: true,
    params: {},
    build({ g }, inputs) {
      const [first, ...rest] = several(type, inputs);
      return build(g, first, rest);
    },
  });
}

/** The sum of all inputs. */
export const add = merge("Add", (g, first, rest) =>
  rest.length === 1 ? g.add(first, rest[0]!) : g.sum(first, ...rest),
);
/** The first input minus the second. */
export const subtract = defineLayer({
  type: "Subtract",
  keepsMask: true,
  params: {},
  build({ g }, inputs) {
    const [a, b] = several("Subtract", inputs);
    if (inputs.length !== 2) throw new ShapeError("Subtract", `expected two inputs, got ${inputs.length}`);
    return g.sub(a, b!);
  },
});
/** The product of all inputs, element by element. */
export const multiply = merge("Multiply", (g, first, rest) => rest.reduce((product, x) => g.mul(product, x), first));
/** The mean of all inputs. */
export const average = merge("Average", (g, first, rest) => g.mean(first, ...rest));
/** The largest of all inputs, element by element. */
export const maximum = merge("Maximum", (g, first, rest) => g.max(first, ...rest));
/** The smallest of all inputs, element by element. */
export const minimum = merge("Minimum", (g, first, rest) => g.min(first, ...rest));

/**
 * All inputs side by side along an axis: of pictures and volumes the channels', else the last, unless told.
 *
 * @example nn.concatenate().apply([a, b]) // [batch, 3] and [batch, 5] to [batch, 8]
 */
export const concatenate = defineLayer({
  type: "Concatenate",
  keepsMask: true,
  params: { axis: optional(integer("the axis; default 1 of pictures and volumes, else the last")) },
  build({ g }, inputs, params) {
    if (inputs.length < 2) {
      const mend = "apply it to a list, as in concatenate().apply([a, b])";
      throw new ShapeError("Concatenate", `expected several inputs, got ${inputs.length}; ${mend}`);
    }
    const shape = expectRank("Concatenate", inputs[0], 2);
    const axis = expectAxis("Concatenate", params.axis ?? (shape.length > 3 ? 1 : -1), shape);
    for (const { shape: other } of inputs.slice(1)) {
      const fits = other?.length === shape.length && other.every((size, i) => i === axis || size === shape[i]);
      if (fits || other === undefined || other.includes("?") || shape.includes("?")) continue;
      throw new ShapeError(
        "Concatenate",
        `expected inputs that differ along axis ${axis} only, got ${formatShape(shape)} and ${formatShape(other)}; set axis, or reshape one of them`,
      );
    }
    return g.concat(inputs[0]!, inputs.slice(1), { axis });
  },
});

/**
 * Products summed along one axis of each of two inputs, row by row: [batch, n] and [batch, n] to [batch, 1] with `axes: 1`;
 * [batch, a, n] and [batch, b, n] to [batch, a, b] with `axes: 2`.
 *
 * @example nn.dot(1, { normalize: true }).apply([user, item]) // cosine of the angle
 */
export const dot = defineLayer({
  type: "Dot",
  positional: ["axes"],
  params: {
    axes: json<number | readonly [number, number]>(
      "axis of both inputs, or of each",
      "1 or 2, negative from the end, or two of them",
      (value) =>
        [value].flat().every((axis) => Number.isInteger(axis) && axis !== 0 && Math.abs(axis as number) <= 2) &&
        (typeof value === "number" || (Array.isArray(value) && value.length === 2)),
    ),
    normalize: boolean("whether both are scaled to length 1 along the axis first", { default: false }),
  },
  build({ g }, inputs, { axes, normalize }) {
    if (inputs.length !== 2) throw new ShapeError("Dot", `expected two inputs, got ${inputs.length}`);
    const both = inputs.map((x, i) => {
      const shape = expectRank("Dot", x, 2);
      if (shape.length > 3) {
        throw new ShapeError("Dot", `expected inputs of two or three dimensions, got ${formatShape(shape)}`);
      }
      const axis = expectAxis("Dot", typeof axes === "number" ? axes : axes[i]!, shape);
      const norm = () => g.max(g.reduceL2(x, { axes: [axis], keepdims: true }), 1e-12);
      const y = normalize ? g.div(x, norm()) : x;
      // the axis comes last of the first input, second of the other
      if (shape.length === 2) return g.unsqueeze(y, [i === 0 ? 1 : 2]);
      return axis === (i === 0 ? 2 : 1) ? y : g.transpose(y, [0, 2, 1]);
    });
    const [a, b] = inputs as [Value, Value];
    const product = g.matmul(both[0]!, both[1]!);
    if (a.rank === 2 && b.rank === 2) return g.squeeze(product, [2]);
    return a.rank === 2 ? g.squeeze(product, [1]) : b.rank === 2 ? g.squeeze(product, [2]) : product;
  },
});
