/** @file LayerNormalization, GroupNormalization, RMSNormalization: each row by its own statistics. */

import { ParamError } from "../../errors.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { Tensor } from "../../tensor/tensor.js";
import { boolean, integer, number, optional } from "../../util/params.js";
import { initializers } from "../initializers.js";
import { type BuildContext, defineLayer } from "../layer.js";
import { regularizers } from "../regularizers.js";
import { expectAxis, expectRank, expectSize } from "./expect.js";
import { regularizerOf } from "./weights.js";

const epsilon = number("added to the variance", { default: 1e-3, above: 0 });
const gammaInitializer = initializers.param("first scales", { default: "ones" });
const gammaRegularizer = optional(regularizers.param("penalty on the scales"));
const affine = {
  center: boolean("whether an offset is learned", { default: true }),
  scale: boolean("whether a scale is learned", { default: true }),
  betaInitializer: initializers.param("first offsets", { default: "zeros" }),
  gammaInitializer,
  betaRegularizer: optional(regularizers.param("penalty on the offsets")),
  gammaRegularizer,
};

interface Affine {
  readonly center: boolean;
  readonly scale: boolean;
  readonly betaInitializer: Parameters<typeof initializers.of>[0];
  readonly gammaInitializer: Parameters<typeof initializers.of>[0];
  readonly betaRegularizer: Parameters<typeof regularizerOf>[0];
  readonly gammaRegularizer: Parameters<typeof regularizerOf>[0];
}

/** The learned scale and offset, undefined without. */
export function affineOf({ weight }: BuildContext, size: number, given: Affine) {
  return {
    gamma: given.scale
      ? weight("gamma", [size], {
          initializer: given.gammaInitializer,
          regularizer: regularizerOf(given.gammaRegularizer, "gammaRegularizer"),
        })
      : undefined,
    beta: given.center
      ? weight("beta", [size], {
          initializer: given.betaInitializer,
          regularizer: regularizerOf(given.betaRegularizer, "betaRegularizer"),
        })
      : undefined,
  };
}

/**
 * scale * (x - mean) / sqrt(variance + epsilon) + offset, over one axis of each row, the last by default (Ba et al., 2016).
 *
 * @example nn.layerNormalization()
 */
export const layerNormalization = defineLayer({
  type: "LayerNormalization",
  keepsMask: true,
  params: { axis: integer("the axis", { default: -1 }), epsilon, ...affine },
  build(context, [x], params) {
    const { g } = context;
    const shape = expectRank("LayerNormalization", x, 2);
    const axis = expectAxis("LayerNormalization", params.axis, shape);
    const size = expectSize("LayerNormalization", shape, axis, "features");
    const { gamma, beta } = affineOf(context, size, params);
    return lastInPlace(g, x!, axis, (inner) =>
      g.layerNorm(inner, gamma ?? all(g, size, 1), beta, { epsilon: params.epsilon }),
    );
  },
});

/** x / sqrt(mean(x^2) + epsilon) * scale, over one axis of each row, the last by default (Zhang and Sennrich, 2019). */
export const rmsNormalization = defineLayer({
  type: "RMSNormalization",
  keepsMask: true,
  params: {
    axis: integer("the axis", { default: -1 }),
    epsilon: number("added to the mean of squares", { default: 1e-6, above: 0 }),
    gammaInitializer,
    gammaRegularizer,
  },
  build({ g, weight }, [x], params) {
    const shape = expectRank("RMSNormalization", x, 2);
    const axis = expectAxis("RMSNormalization", params.axis, shape);
    const gamma = weight("gamma", [expectSize("RMSNormalization", shape, axis, "features")], {
      initializer: params.gammaInitializer,
      regularizer: regularizerOf(params.gammaRegularizer, "gammaRegularizer"),
    });
    return lastInPlace(g, x!, axis, (inner) => {
      const squares = g.reduceMean(g.square(inner), { axes: [-1], keepdims: true });
      return g.mul(g.mul(inner, g.reciprocal(g.sqrt(g.add(squares, params.epsilon)))), gamma);
    });
  },
});

/**
 * Channels in groups, each row's groups to mean 0 and variance 1 over their channels and places (Wu and He, 2018), then a
 * scale and an offset per channel. `groups: -1` gives each channel a group of its own (instance normalization). The axis of
 * channels is the second of pictures, the last of anything else.
 *
 * @example nn.groupNormalization(8)
 */
export const groupNormalization = defineLayer({
  type: "GroupNormalization",
  positional: ["groups"],
  keepsMask: true,
  params: {
    groups: integer("number of groups; -1: as many as channels", { default: 32, min: -1 }),
    axis: optional(integer("the axis of channels; default 1 of pictures and volumes, else the last")),
    epsilon,
    ...affine,
  },
  build(context, [x], params) {
    const { g } = context;
    const shape = expectRank("GroupNormalization", x, 2);
    const axis = expectAxis("GroupNormalization", params.axis ?? (shape.length > 3 ? 1 : -1), shape);
    const size = expectSize("GroupNormalization", shape, axis, "channels");
    const groups = params.groups === -1 ? size : params.groups;
    if (groups < 1 || size % groups !== 0) {
      throw new ParamError("GroupNormalization", `groups must divide the ${size} channels, got ${params.groups}`);
    }
    const { gamma, beta } = affineOf(context, size, params);
    const order = [0, axis, ...shape.map((_, i) => i).filter((i) => i !== 0 && i !== axis)];
    const first = axis === 1 ? x! : g.transpose(x!, order);
    const grouped = g.reshape(first, [0, groups, -1]);
    const normal = g.instanceNorm(grouped, all(g, groups, 1), all(g, groups, 0), { epsilon: params.epsilon });
    const back = g.reshape(normal, g.shapeLike(first));
    const wide = (vector: Value) => g.reshape(vector, [size, ...shape.slice(2).map(() => 1)]);
    const scaled = gamma === undefined ? back : g.mul(back, wide(gamma));
    const y = beta === undefined ? scaled : g.add(scaled, wide(beta));
    return axis === 1
      ? y
      : g.transpose(
          y,
          shape.map((_, i) => order.indexOf(i)),
        );
  },
});

/** A constant vector of equal numbers. */
export function all(g: GraphBuilder, size: number, value: number): Value {
  return g.constant(new Tensor("float32", new Float32Array(size).fill(value), [size]));
}

/** Runs over tensors whose axis is the last, and gives it back where it was. */
function lastInPlace(g: GraphBuilder, x: Value, axis: number, build: (x: Value) => Value): Value {
  const last = x.rank! - 1;
  if (axis === last) return build(x);
  const order = x.shape!.map((_, i) => (i === axis ? last : i === last ? axis : i));
  return g.transpose(build(g.transpose(x, order)), order);
}
