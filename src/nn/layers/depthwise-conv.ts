/** @file DepthwiseConv and SeparableConv: each channel convolved by itself, and then mixed. */

import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { integer, optional } from "../../util/params.js";
import { type Initializer, initializers } from "../initializers.js";
import { type BuildContext, defineLayer } from "../layer.js";
import { type Regularizer, regularizers } from "../regularizers.js";
import { expectLayout, expectSize } from "./expect.js";
import { activated, activationParam, activityRegularizer, biasOf, biasParams, regularizerOf } from "./weights.js";
import { each, padding, padsOf, type Sizes, sizes, suffixes } from "./window.js";

interface Depthwise {
  readonly kernelSize: Sizes;
  readonly strides: Sizes;
  readonly padding: "valid" | "same";
  readonly dilationRate: Sizes;
  readonly depthMultiplier: number;
  readonly depthwiseInitializer: Initializer | string;
  readonly depthwiseRegularizer: Regularizer | string | undefined;
}

function depthwiseParams(rank: 1 | 2) {
  return {
    kernelSize: sizes("size of the window", rank),
    strides: sizes("steps of the window", rank, { default: 1 }),
    padding,
    dilationRate: sizes("distance of the places inside the window", rank, { default: 1 }),
    depthMultiplier: integer("results per channel", { default: 1, min: 1 }),
    depthwiseInitializer: initializers.param("first values of the channels' kernels", { default: "glorotUniform" }),
    depthwiseRegularizer: optional(regularizers.param("penalty on the channels' kernels")),
    activation: activationParam,
    ...biasParams,
    activityRegularizer,
  };
}

/** x [batch, channels, ...] and a kernel of [channels * depthMultiplier, 1, ...]. */
function depthwise(context: BuildContext, x: Value, params: Depthwise, rank: 1 | 2, bias?: Value): Value {
  const channels = x.shape![1] as number;
  const kernel = each(params.kernelSize, rank);
  const window = { kernel, strides: each(params.strides, rank), dilations: each(params.dilationRate, rank) };
  const field = kernel.reduce((a, b) => a * b, 1);
  const weight = context.weight("depthwiseKernel", [channels * params.depthMultiplier, 1, ...kernel], {
    initializer: params.depthwiseInitializer,
    regularizer: regularizerOf(params.depthwiseRegularizer, "depthwiseRegularizer"),
    fans: { fanIn: channels * field, fanOut: params.depthMultiplier * field },
  });
  const { strides, dilations } = window;
  const pads = padsOf(`DepthwiseConv${suffixes[rank]}`, params.padding, x.shape!.slice(2), window);
  return context.g.conv(x, weight, bias, { strides, dilations, group: channels, ...pads });
}

/** Runs over channels that come second, and gives them back where they were. */
function channelsFirst(g: GraphBuilder, x: Value, rank: 1 | 2, build: (x: Value) => Value): Value {
  return rank === 1 ? g.transpose(build(g.transpose(x, [0, 2, 1])), [0, 2, 1]) : build(x);
}

function expectChannels(type: string, x: Value | undefined, rank: 1 | 2): number {
  return rank === 1
    ? expectSize(type, expectLayout(type, x, "sequence"), 2, "features")
    : expectSize(type, expectLayout(type, x, "image"), 1, "channels");
}

function depthwiseConv(rank: 1 | 2) {
  const type = `DepthwiseConv${suffixes[rank]}`;
  return defineLayer({
    type,
    positional: ["kernelSize"],
    params: depthwiseParams(rank),
    build(context, [x], params) {
      const channels = expectChannels(type, x, rank);
      const y = channelsFirst(context.g, x!, rank, (inner) => {
        return depthwise(context, inner, params, rank, biasOf(context, channels * params.depthMultiplier, params));
      });
      return activated(context, y, params);
    },
  });
}

function separableConv(rank: 1 | 2) {
  const type = `SeparableConv${suffixes[rank]}`;
  return defineLayer({
    type,
    positional: ["filters", "kernelSize"],
    params: {
      filters: integer("channels of the result", { min: 1 }),
      ...depthwiseParams(rank),
      pointwiseInitializer: initializers.param("first values of the mixing kernel", { default: "glorotUniform" }),
      pointwiseRegularizer: optional(regularizers.param("penalty on the mixing kernel")),
    },
    build(context, [x], params) {
      const middle = expectChannels(type, x, rank) * params.depthMultiplier;
      const { filters } = params;
      const mixing = context.weight("pointwiseKernel", [filters, middle, ...new Array<number>(rank).fill(1)], {
        initializer: params.pointwiseInitializer,
        regularizer: regularizerOf(params.pointwiseRegularizer, "pointwiseRegularizer"),
        fans: { fanIn: middle, fanOut: filters },
      });
      const y = channelsFirst(context.g, x!, rank, (inner) =>
        context.g.conv(depthwise(context, inner, params, rank), mixing, biasOf(context, filters, params)),
      );
      return activated(context, y, params);
    },
  });
}

/** Each feature convolved by itself over time: [batch, time, features] to [batch, time, features * depthMultiplier]. */
export const depthwiseConv1d = depthwiseConv(1);
/**
 * Each channel convolved by itself: [batch, channels, height, width] to [batch, channels * depthMultiplier, ...], with a
 * kernel of [channels * depthMultiplier, 1, height, width].
 *
 * @example nn.depthwiseConv2d(3, { padding: "same" })
 */
export const depthwiseConv2d = depthwiseConv(2);
/** Each feature convolved by itself over time, then all mixed: [batch, time, features] to [batch, time, filters]. */
export const separableConv1d = separableConv(1);
/**
 * Each channel convolved by itself, then all mixed by a kernel of one place (Chollet, 2016): [batch, channels, height, width]
 * to [batch, filters, ...].
 *
 * @example nn.separableConv2d(64, 3, { padding: "same", activation: "relu" })
 */
export const separableConv2d = separableConv(2);
