/** @file What layers expect of their inputs, and the words when they get something else. */

import { ShapeError } from "../../errors.js";
import type { Dim } from "../../graph/types.js";
import type { Value } from "../../graph/value.js";
import { formatShape } from "../../tensor/shape.js";

/** Layouts by what they are for; the names of the sizes are what messages show. */
export const layouts = {
  features: ["batch", "features"],
  sequence: ["batch", "time", "features"],
  image: ["batch", "channels", "height", "width"],
  volume: ["batch", "channels", "depth", "height", "width"],
} as const;

export type Layout = keyof typeof layouts;

/** The input's shape. @throws ShapeError with the mend where it has another number of dimensions */
export function expectLayout(who: string, x: Value | undefined, layout: Layout): readonly Dim[] {
  const names = layouts[layout];
  const { shape } = expectInput(who, x);
  if (shape?.length === names.length) return shape;
  throw new ShapeError(who, `expected ${formatShape(names)}, got ${shown(shape)}${mendOf(layout, shape)}`);
}

/** A size that must be known now, such as the number of features. @throws ShapeError */
export function expectSize(who: string, shape: readonly Dim[], axis: number, what: string): number {
  const size = shape.at(axis);
  if (typeof size === "number") return size;
  throw new ShapeError(
    who,
    `the number of ${what} must be known, got ${formatShape(shape)}; give the input's shape with nn.input({ shape: [...] })`,
  );
}

/** The input, whose number of dimensions is known. */
export function expectRank(who: string, x: Value | undefined, least = 1): readonly Dim[] {
  const { shape } = expectInput(who, x);
  if (shape !== undefined && shape.length >= least) return shape;
  throw new ShapeError(who, `expected at least ${least} dimensions, got ${shown(shape)}`);
}

/** One of the inputs that a layer is called with. */
export function expectInput(who: string, x: Value | undefined): Value {
  if (x === undefined)
    throw new ShapeError(who, "expected an input, got none; apply it to the result of another layer");
  return x;
}

/** The axis counted from 0, without the batch's. @throws ShapeError */
export function expectAxis(who: string, axis: number, shape: readonly Dim[]): number {
  const at = axis < 0 ? axis + shape.length : axis;
  if (at >= 1 && at < shape.length) return at;
  throw new ShapeError(
    who,
    `axis ${axis} is not among those of ${formatShape(shape)}; give one from 1 to ${shape.length - 1}, or a negative one from the end`,
  );
}

export function shown(shape: readonly Dim[] | undefined): string {
  return shape === undefined ? "an unknown shape" : formatShape(shape);
}

function mendOf(layout: Layout, shape: readonly Dim[] | undefined): string {
  if (shape === undefined) return "; give the input's shape with nn.input({ shape: [...] })";
  const rank = shape.length;
  if (layout === "features") return rank > 2 ? "; put flatten() between them" : "";
  if (layout === "sequence") {
    if (rank === 2) {
      return "; set returnSequences: true on a recurrent layer before it, or put reshape([time, features]) between them";
    }
    return rank > 3 ? "; put reshape([time, features]) between them" : "";
  }
  const names = layouts[layout].slice(1).join(", ");
  return `; put reshape([${names}]) between them${layout === "image" && rank === 5 ? ", or use a layer for volumes" : ""}`;
}
