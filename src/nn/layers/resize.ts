/** @file UpSampling, ZeroPadding, Cropping: more or fewer places. */

import { ShapeError } from "../../errors.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { formatShape } from "../../tensor/shape.js";
import { choice, json } from "../../util/params.js";
import { defineLayer } from "../layer.js";
import { expectLayout } from "./expect.js";
import { each, type Sizes, type SpatialRank, sizes, suffixes } from "./window.js";

const layoutOf = { 1: "sequence", 2: "image", 3: "volume" } as const;

/** First axis that is no batch and no channel. */
const firstPlace = (rank: SpatialRank) => (rank === 1 ? 1 : 2);

/** Each place several times. Written as Expand it has a fast gradient, a sum. */
function repeated(g: GraphBuilder, x: Value, times: readonly number[], from: number): Value {
  const shape = x.shape!;
  const spread = shape.flatMap((size, i) => (i >= from && i < from + times.length ? [size, 1] : [size]));
  const wide = shape.flatMap((size, i) => (i >= from && i < from + times.length ? [size, times[i - from]!] : [size]));
  const tall = shape.map((size, i) =>
    i >= from && i < from + times.length ? (size as number) * times[i - from]! : size,
  );
  return g.reshape(g.expand(g.reshape(x, spread as number[]), wide as number[]), tall as number[]);
}

function upSampled(
  type: string,
  g: GraphBuilder,
  x: Value | undefined,
  size: Sizes,
  rank: SpatialRank,
  mode = "nearest",
) {
  const shape = expectLayout(type, x, layoutOf[rank]);
  const times = each(size, rank);
  const from = firstPlace(rank);
  const scales = shape.map((_, i) => times[i - from] ?? 1);
  if (mode === "bilinear") return g.resize(x!, { scales, mode: "linear", coordinates: "half_pixel" });
  return shape.every((dim) => typeof dim === "number")
    ? repeated(g, x!, times, from)
    : g.resize(x!, { scales, mode: "nearest", coordinates: "asymmetric", nearest: "floor" });
}

const times = (rank: SpatialRank) => sizes("times that each place is repeated", rank, { default: 2 });

function upSampling(rank: SpatialRank) {
  const type = `UpSampling${suffixes[rank]}`;
  return defineLayer({
    type,
    positional: ["size"],
    params: { size: times(rank) },
    build: ({ g }, [x], { size }) => upSampled(type, g, x, size, rank),
  });
}

/** Each step several times: [batch, time, features] to [batch, time * size, features]. */
export const upSampling1d = upSampling(1);
/**
 * Each place several times, or with `interpolation: "bilinear"` those between: [batch, channels, height, width] to
 * [batch, channels, height * size, width * size].
 *
 * @example nn.upSampling2d(2, { interpolation: "bilinear" })
 */
export const upSampling2d = defineLayer({
  type: "UpSampling2D",
  positional: ["size"],
  params: {
    size: times(2),
    interpolation: choice("how new places get their values", ["nearest", "bilinear"], { default: "nearest" }),
  },
  build: ({ g }, [x], { size, interpolation }) => upSampled("UpSampling2D", g, x, size, 2, interpolation),
});
/** Each place of a volume several times. */
export const upSampling3d = upSampling(3);

type Margins = number | readonly (number | readonly [number, number])[];

/** A number for all sides, one per dimension, or [before, after] per dimension; of sequences [before, after]. */
function margins(doc: string, rank: SpatialRank, given = 1) {
  const isSize = (value: unknown) => Number.isInteger(value) && (value as number) >= 0;
  const isPair = (value: unknown) => Array.isArray(value) && value.length === 2 && value.every(isSize);
  const expected =
    rank === 1
      ? "a whole number of at least 0, or two: before and after"
      : `a whole number of at least 0, ${rank} of them, or ${rank} pairs: before and after`;
  const accepts = (value: unknown) =>
    isSize(value) ||
    (rank === 1
      ? isPair(value)
      : Array.isArray(value) && value.length === rank && (value.every(isSize) || value.every(isPair)));
  return json<Margins>(doc, expected, accepts, { default: given });
}

/** [before, after] of each dimension. */
function pairs(given: Margins, rank: SpatialRank): readonly (readonly [number, number])[] {
  if (typeof given === "number") return new Array<[number, number]>(rank).fill([given, given]);
  if (rank === 1) return [given as unknown as [number, number]];
  return given.map((side) => (typeof side === "number" ? [side, side] : side));
}

function zeroPadding(rank: SpatialRank) {
  const type = `ZeroPadding${suffixes[rank]}`;
  return defineLayer({
    type,
    positional: ["padding"],
    params: { padding: margins("zeros added at the sides", rank) },
    build({ g }, [x], { padding }) {
      expectLayout(type, x, layoutOf[rank]);
      const sides = pairs(padding, rank);
      const before = sides.map(([side]) => side);
      return g.pad(x!, [...before, ...sides.map(([, side]) => side)], {
        axes: sides.map((_, i) => i + firstPlace(rank)),
      });
    },
  });
}

function cropping(rank: SpatialRank) {
  const type = `Cropping${suffixes[rank]}`;
  return defineLayer({
    type,
    positional: ["cropping"],
    // Keras's default for pictures is none
    params: { cropping: margins("places cut off at the sides", rank, rank === 2 ? 0 : 1) },
    build({ g }, [x], given) {
      const shape = expectLayout(type, x, layoutOf[rank]);
      const sides = pairs(given.cropping, rank);
      const axes = sides.map((_, i) => i + firstPlace(rank));
      const tooMuch = sides.some(
        ([a, b], i) => typeof shape[axes[i]!] === "number" && a + b >= (shape[axes[i]!] as number),
      );
      if (tooMuch) {
        const sizes = sides.map((side) => formatShape(side)).join(", ");
        throw new ShapeError(type, `nothing is left of ${formatShape(shape)} without ${sizes}; crop less`);
      }
      const ends = sides.map(([, side]) => (side === 0 ? 2 ** 31 : -side));
      return g.slice(
        x!,
        sides.map(([side]) => side),
        ends,
        { axes },
      );
    },
  });
}

/** Zeros before and after: [batch, time, features] to [batch, more times, features]. */
export const zeroPadding1d = zeroPadding(1);
/**
 * Zeros around pictures.
 *
 * @example nn.zeroPadding2d([[0, 1], [0, 1]]) // below and to the right
 */
export const zeroPadding2d = zeroPadding(2);
/** Zeros around volumes. */
export const zeroPadding3d = zeroPadding(3);
/** Without the first and last steps. */
export const cropping1d = cropping(1);
/** Without the sides of pictures. */
export const cropping2d = cropping(2);
/** Without the sides of volumes. */
export const cropping3d = cropping(3);
