/** @file Activations as layers of their own. */

import { byElement } from "../../ops/turned.js";
import { integer, number, optional } from "../../util/params.js";
import { activations } from "../activations.js";
import { initializers } from "../initializers.js";
import { defineLayer } from "../layer.js";
import { regularizers } from "../regularizers.js";
import { expectAxis, expectRank, expectSize } from "./expect.js";
import { regularizerOf } from "./weights.js";

/**
 * A function of each element.
 *
 * @example nn.activation("relu")
 */
export const activation = defineLayer({
  type: "Activation",
  positional: ["activation"],
  keepsMask: true,
  params: { activation: activations.param("the function") },
  build: (_, [x], params) => activations.of(params.activation, "Activation").apply(x!),
});

/** max(x, 0), with a slope below and a largest value, as in Keras. */
export const relu = defineLayer({
  type: "ReLU",
  keepsMask: true,
  params: {
    maxValue: optional(number("largest result; default none", { min: 0 })),
    negativeSlope: number("slope of the part below the threshold", { default: 0, min: 0 }),
    threshold: number("values below it count as negative", { default: 0 }),
  },
  build: ({ g }, [input], { maxValue, negativeSlope, threshold }) =>
    byElement(input!, (x) => {
      if (threshold !== 0) {
        const above = g.greaterOrEqual(x, threshold);
        const kept = maxValue === undefined ? x : g.min(x, maxValue);
        return g.where(above, kept, g.mul(g.sub(x, threshold), negativeSlope));
      }
      if (maxValue !== undefined && negativeSlope === 0) return g.clip(x, 0, maxValue);
      const y = negativeSlope === 0 ? g.relu(x) : g.leakyRelu(x, { alpha: negativeSlope });
      return maxValue === undefined ? y : g.min(y, maxValue);
    }),
});

/** x where positive, else negativeSlope * x. */
export const leakyRelu = defineLayer({
  type: "LeakyReLU",
  positional: ["negativeSlope"],
  keepsMask: true,
  params: { negativeSlope: number("slope of the negative part", { default: 0.3, min: 0 }) },
  build: ({ g }, [x], { negativeSlope }) => byElement(x!, (each) => g.leakyRelu(each, { alpha: negativeSlope })),
});

/** x where positive, else alpha * x, with one learned alpha per feature or channel (He et al., 2015). */
export const prelu = defineLayer({
  type: "PReLU",
  keepsMask: true,
  params: {
    alphaInitializer: initializers.param("first slopes", { default: "zeros" }),
    alphaRegularizer: optional(regularizers.param("penalty on the slopes")),
    axis: optional(integer("the axis with a slope of its own for each place; default channels, or features")),
  },
  build({ g, weight }, [x], { alphaInitializer, alphaRegularizer, axis }) {
    const shape = expectRank("PReLU", x, 2);
    const at = expectAxis("PReLU", axis ?? (shape.length > 3 ? 1 : -1), shape);
    const size = expectSize("PReLU", shape, at, "channels");
    const alpha = weight("alpha", [size], {
      initializer: alphaInitializer,
      regularizer: regularizerOf(alphaRegularizer, "PReLU"),
    });
    const wide = at === shape.length - 1 ? alpha : g.reshape(alpha, [size, ...shape.slice(at + 1).map(() => 1)]);
    return g.prelu(x!, wide);
  },
});

/** x where positive, else alpha * (exp(x) - 1) (Clevert et al., 2015). */
export const elu = defineLayer({
  type: "ELU",
  positional: ["alpha"],
  keepsMask: true,
  params: { alpha: number("scale of the negative part", { default: 1 }) },
  build: ({ g }, [x], { alpha }) => g.elu(x!, { alpha }),
});

/** x above the threshold, else 0. */
export const thresholdedRelu = defineLayer({
  type: "ThresholdedReLU",
  positional: ["theta"],
  keepsMask: true,
  params: { theta: number("the threshold", { default: 1, min: 0 }) },
  build: ({ g }, [x], { theta }) => g.thresholdedRelu(x!, { alpha: theta }),
});

/** Probabilities along an axis, the last by default. */
export const softmax = defineLayer({
  type: "Softmax",
  keepsMask: true,
  params: { axis: integer("the axis whose elements add up to 1", { default: -1 }) },
  build: ({ g }, [x], { axis }) => g.softmax(x!, { axis }),
});
