/** @file Conv1D, Conv2D, Conv3D: weighted sums over a window that slides over time, pictures, volumes. */

import { ParamError } from "../../errors.js";
import type { Value } from "../../graph/value.js";
import { choice, integer } from "../../util/params.js";
import { type BuildContext, defineLayer } from "../layer.js";
import { expectLayout, expectSize } from "./expect.js";
import { activated, biasOf, kernelOf, kernelParams } from "./weights.js";
import { each, type Padding, padding, padsOf, type Sizes, type SpatialRank, sizes, suffixes } from "./window.js";

type Given = Parameters<typeof kernelOf>[2] & Parameters<typeof biasOf>[2] & Parameters<typeof activated>[2];

interface ConvParams extends Given {
  readonly filters: number;
  readonly kernelSize: Sizes;
  readonly strides: Sizes;
  readonly padding: Padding;
  readonly dilationRate: Sizes;
  readonly groups: number;
}

function paramsOf(rank: SpatialRank) {
  return {
    filters: integer("channels of the result", { min: 1 }),
    kernelSize: sizes("size of the window", rank),
    strides: sizes("steps of the window", rank, { default: 1 }),
    padding,
    dilationRate: sizes("distance of the places inside the window", rank, { default: 1 }),
    groups: integer("groups of channels that are convolved apart", { default: 1, min: 1 }),
    ...kernelParams,
  };
}

/** x [batch, channels, ...] and a kernel [filters, channels / groups, ...]. */
function build(context: BuildContext, x: Value, params: ConvParams, rank: SpatialRank): Value {
  const who = `Conv${suffixes[rank]}`;
  const [, channels, ...spatial] = x.shape!;
  const inputs = channels as number;
  const { filters, groups } = params;
  if (inputs % groups !== 0 || filters % groups !== 0) {
    throw new ParamError(who, `groups must divide the ${inputs} channels and the ${filters} filters, got ${groups}`);
  }
  const kernel = each(params.kernelSize, rank);
  const strides = each(params.strides, rank);
  const dilations = each(params.dilationRate, rank);
  const field = kernel.reduce((a, b) => a * b, 1);
  const fans = { fanIn: (inputs / groups) * field, fanOut: filters * field };
  const weight = kernelOf(context, [filters, inputs / groups, ...kernel], params, { fans });
  return context.g.conv(x, weight, biasOf(context, filters, params), {
    strides,
    dilations,
    group: groups,
    ...padsOf(who, params.padding, spatial, { kernel, strides, dilations }),
  });
}

/**
 * Convolution over time: [batch, time, features] to [batch, time, filters], with a kernel of
 * [filters, features / groups, kernelSize]. Padding "causal" looks at the past only.
 *
 * @example nn.conv1d(32, 5, { padding: "causal", activation: "relu" })
 */
export const conv1d = defineLayer({
  type: "Conv1D",
  positional: ["filters", "kernelSize"],
  params: {
    ...paramsOf(1),
    padding: choice("valid, same, or causal: zeros before only", ["valid", "same", "causal"], { default: "valid" }),
  },
  build(context, [x], params) {
    const { g } = context;
    const shape = expectLayout("Conv1D", x, "sequence");
    expectSize("Conv1D", shape, 2, "features");
    const y = build(context, g.transpose(x!, [0, 2, 1]), params, 1);
    return activated(context, g.transpose(y, [0, 2, 1]), params);
  },
});

/**
 * Convolution over pictures: [batch, channels, height, width] to [batch, filters, height, width], with a kernel of
 * [filters, channels / groups, height, width].
 *
 * @example nn.conv2d(32, 3, { padding: "same", activation: "relu" })
 */
export const conv2d = defineLayer({
  type: "Conv2D",
  positional: ["filters", "kernelSize"],
  params: paramsOf(2),
  build(context, [x], params) {
    expectSize("Conv2D", expectLayout("Conv2D", x, "image"), 1, "channels");
    return activated(context, build(context, x!, params, 2), params);
  },
});

/** Convolution over volumes: [batch, channels, depth, height, width] to [batch, filters, depth, height, width]. */
export const conv3d = defineLayer({
  type: "Conv3D",
  positional: ["filters", "kernelSize"],
  params: paramsOf(3),
  build(context, [x], params) {
    expectSize("Conv3D", expectLayout("Conv3D", x, "volume"), 1, "channels");
    return activated(context, build(context, x!, params, 3), params);
  },
});
