/** @file Gradients of a convolution that is itself a weight gradient: its large weights change places with its small result. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { sizeOf } from "../tensor/shape.js";
import { inputGradient } from "./conv-inputs.js";
import { areNumbers } from "./dims.js";
import type { Window } from "./window.js";
import { spatialAxes } from "./window-parts.js";

interface Convolution {
  readonly x: Value;
  readonly w: Value;
  readonly dy: Value;
  readonly window: Window;
  readonly group: number;
}

interface Gradients {
  readonly input: () => Value;
  /** Absent where the usual form serves. */
  readonly weights?: () => Value;
}

/**
 * Gradients of what `conv-correlation.ts` makes: as those of the convolution that it came from, with dy as the weights and w
 * as the gradient of the result. As of any convolution, they would slide windows of the size of a picture over it.
 */
export function rolesSwapped(g: GraphBuilder, of: Convolution): Gradients | undefined {
  const { x, w, dy, window, group } = of;
  const [batch, channels, ...sizes] = x.shape ?? [];
  const places = dy.shape?.slice(2) ?? [];
  if (batch !== 1 || !areNumbers(sizes) || !areNumbers(places)) return undefined;
  const { kernel, strides, dilations, before, after } = window;
  const byPlane = kernel.length === 2 && channels === group && dy.shape?.[1] === group;
  const perPlace = byPlane ? 1 : numbersPerPlace(window, sizes, places);
  const inPlaces = (each: readonly number[]) => each.with(-1, each.at(-1)! / perPlace);
  const first: Window = {
    kernel: inPlaces(places),
    strides: inPlaces(dilations),
    dilations: strides,
    before: inPlaces(before),
    after: inPlaces(after),
  };
  const spatial = inPlaces(sizes);
  const fits = kernel.every((size, i) => {
    const reach = first.strides[i]! * (size - 1) + strides[i]! * (first.kernel[i]! - 1) + 1;
    return spatial[i]! + first.before[i]! + first.after[i]! - reach < first.strides[i]!;
  });
  if (!fits || sizeOf(kernel) <= sizeOf(first.kernel)) return undefined;
  if (!byPlane) return perPlace === 1 ? undefined : ofRows(g, of, first, spatial, perPlace);
  const weights = g.reshape(dy, [group, 1, ...places]);
  return { input: () => inputGradient(g, g.reshape(w, [1, group, ...kernel]), weights, x, first, group) };
}

/** Channels that lie side by side in a row, where the convolution reaches over them; 1 where it does not. */
function numbersPerPlace(window: Window, sizes: readonly number[], places: readonly number[]): number {
  const { strides, dilations, before, after } = window;
  if (strides.at(-1) !== 1) return 1;
  return [sizes, places, before, after].reduce((most, each) => commonDivisor(most, each.at(-1)!), dilations.at(-1)!);
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** x [1, group * n, h, w * c], w [o, n, places], dy [1, o, kernel h, kernel w * c]. */
function ofRows(
  g: GraphBuilder,
  { x, w, dy, group }: Convolution,
  first: Window,
  spatial: readonly number[],
  perGroup: number,
): Gradients {
  const axes = spatialAxes(spatial.length);
  const last = spatial.length + 2;
  const turned = g.transpose(g.reshape(x, [group, -1, ...spatial, perGroup]), [1, 0, last, ...axes]);
  const pictures = g.reshape(turned, [-1, group * perGroup, ...spatial]);
  const rows = g.reshape(dy, [-1, ...first.kernel, perGroup]);
  const weights = g.transpose(rows, [0, last - 1, ...axes.map((axis) => axis - 1)]);
  const result = g.transpose(w, [1, 0, ...axes]);
  const back = (found: Value) => {
    const grouped = g.reshape(found, [-1, group, perGroup, ...spatial]);
    const inRows = g.transpose(grouped, [1, 0, ...axes.map((axis) => axis + 1), 2]);
    return g.reshape(inRows, [1, -1, ...(x.shape!.slice(2) as number[])]);
  };
  const { kernel, strides, dilations, before, after } = first;
  const options = { kernel, strides, dilations, pads: [...before, ...after], group };
  const ofWeights = () => {
    const found = g.conv(pictures, weights, undefined, options);
    const wanted = g.slice(
      found,
      axes.map(() => 0),
      w.shape!.slice(2) as number[],
      { axes },
    );
    return g.transpose(wanted, [1, 0, ...axes]);
  };
  return { input: () => back(inputGradient(g, result, weights, pictures, first, group)), weights: ofWeights };
}
