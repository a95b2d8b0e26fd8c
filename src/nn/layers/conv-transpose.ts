/** @file Conv1DTranspose, Conv2DTranspose, Conv3DTranspose: convolutions backwards, from few places to many. */

import type { Value } from "../../graph/value.js";
import { integer, optional } from "../../util/params.js";
import { type BuildContext, defineLayer } from "../layer.js";
import { expectLayout, expectSize, type Layout } from "./expect.js";
import { activated, biasOf, kernelOf, kernelParams } from "./weights.js";
import { each, padding, type Sizes, type SpatialRank, sizes, suffixes } from "./window.js";

interface TransposeParams extends Params {
  readonly filters: number;
  readonly kernelSize: Sizes;
  readonly strides: Sizes;
  readonly padding: "valid" | "same";
  readonly dilationRate: Sizes;
  readonly outputPadding: Sizes | undefined;
}
type Params = Parameters<typeof kernelOf>[2] & Parameters<typeof biasOf>[2];

/** Keras's sizes: the input's times the stride with "same", else as many more as the window is larger than the stride. */
function build(context: BuildContext, x: Value, params: TransposeParams, rank: SpatialRank): Value {
  const inputs = x.shape![1] as number;
  const kernel = each(params.kernelSize, rank);
  const strides = each(params.strides, rank);
  const dilations = each(params.dilationRate, rank);
  const field = kernel.reduce((a, b) => a * b, 1);
  const fans = { fanIn: inputs * field, fanOut: params.filters * field };
  const weight = kernelOf(context, [inputs, params.filters, ...kernel], params, { fans });
  const reach = kernel.map((size, i) => dilations[i]! * (size - 1) + 1);
  const given = params.outputPadding === undefined ? undefined : each(params.outputPadding, rank);
  const isSame = params.padding === "same";
  const half = reach.map((size) => Math.floor(size / 2));
  const surplus = reach.map((size, i) => (isSame ? Math.max(0, size - strides[i]!) : 0));
  const pads =
    given !== undefined && isSame
      ? [...half, ...half]
      : [...surplus.map((pad) => Math.floor(pad / 2)), ...surplus.map((pad) => Math.ceil(pad / 2))];
  return context.g.convTranspose(x, weight, biasOf(context, params.filters, params), {
    strides,
    dilations,
    pads,
    outputPadding: given ?? reach.map((size, i) => Math.max(0, strides[i]! - size)),
  });
}

function convTranspose(rank: SpatialRank, layout: Layout) {
  const type = `Conv${suffixes[rank]}Transpose`;
  return defineLayer({
    type,
    positional: ["filters", "kernelSize"],
    params: {
      filters: integer("channels of the result", { min: 1 }),
      kernelSize: sizes("size of the window", rank),
      strides: sizes("places of the result per place of the input", rank, { default: 1 }),
      padding,
      outputPadding: optional(sizes("places added at the end of each dimension; default as many as fit", rank)),
      dilationRate: sizes("distance of the places inside the window", rank, { default: 1 }),
      ...kernelParams,
    },
    build(context, [x], params) {
      const shape = expectLayout(type, x, layout);
      if (rank > 1) {
        expectSize(type, shape, 1, "channels");
        return activated(context, build(context, x!, params, rank), params);
      }
      expectSize(type, shape, 2, "features");
      const { g } = context;
      const y = build(context, g.transpose(x!, [0, 2, 1]), params, rank);
      return activated(context, g.transpose(y, [0, 2, 1]), params);
    },
  });
}

/** [batch, time, features] to [batch, more times, filters]; the kernel is [features, filters, kernelSize]. */
export const conv1dTranspose = convTranspose(1, "sequence");
/**
 * [batch, channels, height, width] to [batch, filters, height * stride, width * stride] with padding "same"; the kernel is
 * [channels, filters, height, width].
 *
 * @example nn.conv2dTranspose(16, 3, { strides: 2, padding: "same", activation: "relu" })
 */
export const conv2dTranspose = convTranspose(2, "image");
/** [batch, channels, depth, height, width] to [batch, filters, more places]. */
export const conv3dTranspose = convTranspose(3, "volume");
