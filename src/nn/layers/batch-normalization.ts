/** @file BatchNormalization: every channel to mean 0 and variance 1 over the batch. */

import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { Tensor } from "../../tensor/tensor.js";
import { boolean, integer, number, optional } from "../../util/params.js";
import { initializers } from "../initializers.js";
import { type BuildContext, defineLayer } from "../layer.js";
import { regularizers } from "../regularizers.js";
import { expectAxis, expectRank, expectSize } from "./expect.js";
import { regularizerOf } from "./weights.js";

/**
 * scale * (x - mean) / sqrt(variance + epsilon) + offset per channel (Ioffe and Szegedy, 2015). While training, mean and
 * variance are the batch's, and running ones follow them by 1 - momentum per step; else the running ones hold.
 * The axis of channels is the second of pictures [batch, channels, height, width], the last of anything else. A layer with
 * `trainable: false` uses the running ones while training too, as in Keras.
 *
 * @example nn.batchNormalization({ momentum: 0.9 })
 */
export const batchNormalization = defineLayer({
  type: "BatchNormalization",
  keepsMask: true,
  params: {
    axis: optional(integer("the axis of channels; default 1 of pictures and volumes, else the last")),
    momentum: number("part of the running statistics that stays at each step", { default: 0.99, min: 0, max: 1 }),
    epsilon: number("added to the variance", { default: 1e-3, above: 0 }),
    center: boolean("whether an offset is learned", { default: true }),
    scale: boolean("whether a scale is learned", { default: true }),
    betaInitializer: initializers.param("first offsets", { default: "zeros" }),
    gammaInitializer: initializers.param("first scales", { default: "ones" }),
    movingMeanInitializer: initializers.param("first running means", { default: "zeros" }),
    movingVarianceInitializer: initializers.param("first running variances", { default: "ones" }),
    betaRegularizer: optional(regularizers.param("penalty on the offsets")),
    gammaRegularizer: optional(regularizers.param("penalty on the scales")),
  },
  build(context, [x], params) {
    const { g } = context;
    const shape = expectRank("BatchNormalization", x, 2);
    const axis = expectAxis("BatchNormalization", params.axis ?? (shape.length > 3 ? 1 : -1), shape);
    const size = expectSize("BatchNormalization", shape, axis, "channels");
    const gamma = params.scale
      ? context.weight("gamma", [size], {
          initializer: params.gammaInitializer,
          regularizer: regularizerOf(params.gammaRegularizer, "BatchNormalization"),
        })
      : same(g, size, 1);
    const beta = params.center
      ? context.weight("beta", [size], {
          initializer: params.betaInitializer,
          regularizer: regularizerOf(params.betaRegularizer, "BatchNormalization"),
        })
      : same(g, size, 0);
    const running = {
      mean: context.state("movingMean", [size], { initializer: params.movingMeanInitializer }),
      variance: context.state("movingVariance", [size], { initializer: params.movingVarianceInitializer }),
    };
    // the operator wants channels second
    const order = shape.map((_, i) => i).filter((i) => i !== axis);
    order.splice(1, 0, axis);
    const inOrder = axis === 1;
    const first = inOrder ? x! : g.transpose(x!, order);
    const { mean, variance } =
      context.training && !context.frozen ? followed(context, statistics(g, first), running, params.momentum) : running;
    const y = g.batchNorm(first, gamma, beta, mean, variance, { epsilon: params.epsilon });
    return inOrder
      ? y
      : g.transpose(
          y,
          shape.map((_, i) => order.indexOf(i)),
        );
  },
});

function same(g: GraphBuilder, size: number, value: number): Value {
  return g.constant(new Tensor("float32", new Float32Array(size).fill(value), [size]));
}

export interface Statistics {
  readonly mean: Value;
  readonly variance: Value;
}

/** Mean and variance of each channel of [batch, channels, ...], over the batch and all places. */
export function statistics(g: GraphBuilder, x: Value): Statistics {
  const axes = x.shape!.map((_, i) => i).filter((i) => i !== 1);
  const mean = g.reduceMean(x, { axes });
  if (axes.length === 1) return { mean, variance: g.reduceMean(g.square(g.sub(x, mean)), { axes }) };
  // what a convolution gives has no mean far beyond its deviation, so the mean of squares is exact enough, and saves three
  // passes over memory forward and as many backward
  const squares = g.reduceMean(g.square(x), { axes });
  return { mean, variance: g.max(g.sub(squares, g.square(mean)), 0) };
}

/** The batch's statistics, which the running ones follow. */
export function followed(context: BuildContext, batch: Statistics, running: Statistics, momentum: number): Statistics {
  const { g } = context;
  const next = (old: Value, now: Value) => g.add(g.mul(old, momentum), g.mul(now, 1 - momentum));
  context.update(running.mean, next(running.mean, batch.mean));
  context.update(running.variance, next(running.variance, batch.variance));
  return batch;
}
