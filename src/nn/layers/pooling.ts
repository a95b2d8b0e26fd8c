/** @file MaxPooling and AveragePooling in one to three dimensions. */

import type { Value } from "../../graph/value.js";
import { optional } from "../../util/params.js";
import { type BuildContext, defineLayer } from "../layer.js";
import { expectLayout } from "./expect.js";
import { each, type Padding, padding, padsOf, type Sizes, type SpatialRank, sizes, suffixes } from "./window.js";

interface PoolParams {
  readonly poolSize: Sizes;
  readonly strides: Sizes | undefined;
  readonly padding: Padding;
}

type Kind = "Max" | "Average";

const layoutOf = { 1: "sequence", 2: "image", 3: "volume" } as const;

function pooled(context: BuildContext, x: Value, params: PoolParams, rank: SpatialRank, kind: Kind): Value {
  const { g } = context;
  const kernel = each(params.poolSize, rank);
  const strides = params.strides === undefined ? kernel : each(params.strides, rank);
  const window = { kernel, strides, dilations: kernel.map(() => 1) };
  const options = {
    kernel,
    strides,
    ...padsOf(`${kind}Pooling${suffixes[rank]}`, params.padding, x.shape!.slice(2), window),
  };
  if (kind === "Average") return g.averagePool(x, options);
  const before = beforeRelu(context, x);
  return before === undefined ? g.maxPool(x, options) : g.relu(g.maxPool(before, options));
}

/**
 * What Relu made `x` of, while training: the largest of each window is the same where Relu comes after the pooling, and then
 * it and its gradient go over fewer elements. Predictions keep the order, in which the runtime joins Relu to a convolution.
 */
function beforeRelu({ g, training }: BuildContext, x: Value): Value | undefined {
  const node = training ? g.nodes.find(({ outputs }) => outputs[0] === x.name) : undefined;
  return node?.opType === "Relu" ? g.tensor(node.inputs[0]!) : undefined;
}

function pooling(kind: Kind, rank: SpatialRank) {
  const type = `${kind}Pooling${suffixes[rank]}`;
  return defineLayer({
    type,
    positional: ["poolSize"],
    params: {
      poolSize: sizes("size of the window", rank, { default: 2 }),
      strides: optional(sizes("steps of the window; default its size", rank)),
      padding,
    },
    build(context, [x], params) {
      expectLayout(type, x, layoutOf[rank]);
      if (rank > 1) return pooled(context, x!, params, rank, kind);
      const { g } = context;
      return g.transpose(pooled(context, g.transpose(x!, [0, 2, 1]), params, rank, kind), [0, 2, 1]);
    },
  });
}

/** The largest of each window of time: [batch, time, features] to [batch, fewer times, features]. */
export const maxPooling1d = pooling("Max", 1);
/**
 * The largest of each window: [batch, channels, height, width] to [batch, channels, height / 2, width / 2] by default.
 *
 * @example nn.maxPooling2d(2)
 */
export const maxPooling2d = pooling("Max", 2);
/** The largest of each window of a volume, [batch, channels, depth, height, width]. */
export const maxPooling3d = pooling("Max", 3);
/** The mean of each window of time; zeros around do not count. */
export const averagePooling1d = pooling("Average", 1);
/** The mean of each window, [batch, channels, height, width]; zeros around do not count. */
export const averagePooling2d = pooling("Average", 2);
/** The mean of each window of a volume; zeros around do not count. */
export const averagePooling3d = pooling("Average", 3);
