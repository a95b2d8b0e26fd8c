/** @file Windows of convolutions and pooling: sizes per dimension, and Keras's padding. */

import { ShapeError } from "../../errors.js";
import type { Dim } from "../../graph/types.js";
import { formatShape } from "../../tensor/shape.js";
import { choice, json, type Param } from "../../util/params.js";

/** One number for every dimension, or one per dimension. */
export type Sizes = number | readonly number[];

/** How layers are called by the number of dimensions they slide over. */
export const suffixes = { 1: "1D", 2: "2D", 3: "3D" } as const;
export type SpatialRank = keyof typeof suffixes;

export function sizes(doc: string, rank: SpatialRank): Param<Sizes, false>;
export function sizes(doc: string, rank: SpatialRank, options: { readonly default: Sizes }): Param<Sizes, true>;
export function sizes(doc: string, rank: SpatialRank, options?: { readonly default: Sizes }): Param<Sizes> {
  const isSize = (value: unknown) => Number.isInteger(value) && (value as number) >= 1;
  const accepts = (value: unknown) =>
    isSize(value) || (Array.isArray(value) && value.length === rank && value.every(isSize));
  const expected = `a whole number of at least 1${rank === 1 ? "" : `, or ${rank} of them`}`;
  return options === undefined ? json<Sizes>(doc, expected, accepts) : json<Sizes>(doc, expected, accepts, options);
}

/** One number per dimension. */
export function each(given: Sizes, rank: SpatialRank): readonly number[] {
  return typeof given === "number" ? new Array<number>(rank).fill(given) : given;
}

export const padding = choice(
  "valid: only where the window fits; same: zeros around, so that a stride of 1 keeps the size",
  ["valid", "same"],
  { default: "valid" },
);

export type Padding = "valid" | "same" | "causal";

export interface WindowShape {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

/**
 * ONNX's attributes for Keras's padding; `spatial` are the sizes the window slides over.
 *
 * @throws ShapeError where the window is larger than they are
 */
export function padsOf(
  who: string,
  mode: Padding,
  spatial: readonly Dim[],
  { kernel, strides, dilations }: WindowShape,
): { readonly pads?: readonly number[]; readonly autoPad?: "SAME_UPPER" } {
  const reach = kernel.map((size, i) => dilations[i]! * (size - 1));
  if (mode === "valid") {
    const large = reach.find((size, i) => typeof spatial[i] === "number" && size >= (spatial[i] as number));
    if (large === undefined) return {};
    throw new ShapeError(
      who,
      `a window of ${large + 1} does not fit ${formatShape(spatial)}; make it smaller, or set padding: "same"`,
    );
  }
  if (mode === "causal") return { pads: [...reach, ...reach.map(() => 0)] };
  const total = spatial.map((size, i) => {
    if (strides[i] === 1) return reach[i]!;
    return typeof size === "number" ? samePadding(size, reach[i]! + 1, strides[i]!) : undefined;
  });
  // with a stride the padding depends on the size, which is known when the graph runs
  if (!total.every((pad) => pad !== undefined)) return { autoPad: "SAME_UPPER" };
  return { pads: [...total.map((pad) => Math.floor(pad / 2)), ...total.map((pad) => Math.ceil(pad / 2))] };
}

function samePadding(size: number, reach: number, stride: number): number {
  return Math.max(0, (Math.ceil(size / stride) - 1) * stride + reach - size);
}

/** Sequences are [batch, time, features], what slides over them [batch, features, time]. */
export const toChannelsFirst = [0, 2, 1] as const;
