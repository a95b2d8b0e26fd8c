/** @file Gradients of a convolution that is itself a weight gradient: its large weights change places with its small result. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { sizeOf } from "../tensor/shape.js";
import { inputGradient } from "./conv-inputs.js";
import { areNumbers } from "./dims.js";
import type { Window } from "./window.js";

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
  const [inPlane, plane] = [(each: readonly number[]) => each.slice(0, 2), kernel.slice(0, 2)];
  const larger = sizeOf(plane) > sizeOf(inPlane(places));
  const fits = plane.every((size, i) => {
    const reach = dilations[i]! * (size - 1) + strides[i]! * (places[i]! - 1) + 1;
    return sizes[i]! + before[i]! + after[i]! - reach < dilations[i]!;
  });
  if (!larger || !fits) return undefined;
  const first: Window = {
    kernel: inPlane(places),
    strides: inPlane(dilations),
    dilations: inPlane(strides),
    before: inPlane(before),
    after: inPlane(after),
  };
  if (kernel.length === 2 && channels === group && dy.shape?.[1] === group) {
    const weights = g.reshape(dy, [group, 1, ...places]);
    return { input: () => inputGradient(g, g.reshape(w, [1, group, ...kernel]), weights, x, first, group) };
  }
  const rows = kernel[2] === 1 && strides[2] === 1 && before[2] === 0 && after[2] === 0;
  return rows ? ofRows(g, of, first, sizes) : undefined;
}

/** x [1, group * n, h, w, c], w [o, n, places, 1], dy [1, o, kernel, c]. */
function ofRows(g: GraphBuilder, { x, w, dy, group }: Convolution, first: Window, sizes: readonly number[]): Gradients {
  const [height = 0, width = 0, perGroup = 0] = sizes;
  const turned = g.transpose(g.reshape(x, [group, -1, height, width, perGroup]), [1, 0, 4, 2, 3]);
  const pictures = g.reshape(turned, [-1, group * perGroup, height, width]);
  const weights = g.transpose(g.squeeze(dy, [0]), [0, 3, 1, 2]);
  const result = g.transpose(g.squeeze(w, [4]), [1, 0, 2, 3]);
  const back = (found: Value) => {
    const grouped = g.reshape(found, [-1, group, perGroup, height, width]);
    return g.reshape(g.transpose(grouped, [1, 0, 3, 4, 2]), [1, -1, ...sizes]);
  };
  const { kernel, strides, dilations, before, after } = first;
  const options = { kernel, strides, dilations, pads: [...before, ...after], group };
  const ofWeights = () => {
    const found = g.conv(pictures, weights, undefined, options);
    const wanted = g.slice(found, [0, 0], w.shape!.slice(2, 4) as number[], { axes: [2, 3] });
    return g.transpose(wanted, [1, 0, 2, 3]);
  };
  return { input: () => back(inputGradient(g, result, weights, pictures, first, group)), weights: ofWeights };
}
