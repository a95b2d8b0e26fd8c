/** @file Dense: every output is a weighted sum of all inputs. */

import { ShapeError } from "../../errors.js";
import { formatShape } from "../../tensor/shape.js";
import { boolean, integer, optional } from "../../util/params.js";
import { activations } from "../activations.js";
import { initializers } from "../initializers.js";
import { defineLayer } from "../layer.js";
import { regularizers } from "../regularizers.js";

/**
 * activation(x * kernel + bias): [..., inputs] to [..., units], with a kernel of [inputs, units].
 *
 * @throws ShapeError for an input of more than two dimensions that Flatten would mend.
 * @example nn.sequential([nn.dense(64, { activation: "relu" }), nn.dense(10)])
 */
export const dense = defineLayer({
  type: "Dense",
  positional: ["units"],
  keepsMask: true,
  params: {
    units: integer("outputs", { min: 1 }),
    activation: activations.param("function of the sums", { default: "linear" }),
    useBias: boolean("whether a bias is added", { default: true }),
    kernelInitializer: initializers.param("first values of the kernel", { default: "glorotUniform" }),
    biasInitializer: initializers.param("first values of the bias", { default: "zeros" }),
    kernelRegularizer: optional(regularizers.param("penalty on the kernel")),
    biasRegularizer: optional(regularizers.param("penalty on the bias")),
    activityRegularizer: optional(regularizers.param("penalty on the result")),
  },
  build(context, [x], params) {
    const { g } = context;
    const inputs = x!.shape?.at(-1);
    if (typeof inputs !== "number" || x!.rank === undefined || x!.rank < 2) {
      throw new ShapeError(
        "Dense",
        `expected [batch, features], got ${x!.shape ? formatShape(x!.shape) : "an unknown shape"}`,
      );
    }
    const regularizer = (given: typeof params.kernelRegularizer) =>
      given === undefined ? undefined : regularizers.of(given, "Dense");
    const kernel = context.weight("kernel", [inputs, params.units], {
      initializer: initializers.of(params.kernelInitializer, "Dense"),
      regularizer: regularizer(params.kernelRegularizer),
    });
    const bias = params.useBias
      ? context.weight("bias", [params.units], {
          initializer: initializers.of(params.biasInitializer, "Dense"),
          regularizer: regularizer(params.biasRegularizer),
        })
      : undefined;
    // Gemm adds the bias while it multiplies
    const sums =
      x!.rank === 2
        ? g.gemm(x!, kernel, bias)
        : bias === undefined
          ? g.matmul(x!, kernel)
          : g.matmul(x!, kernel).add(bias);
    const y = activations.of(params.activation, "Dense").apply(sums);
    if (params.activityRegularizer !== undefined && context.training) {
      // per row, as in Keras
      const penalty = regularizers.of(params.activityRegularizer, "Dense").penalty(y);
      context.addLoss(penalty.div(g.cast(g.gather(g.shapeLike(y), 0), "float32")));
    }
    return y;
  },
});
