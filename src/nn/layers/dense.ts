/** @file Dense: every output is a weighted sum of all inputs. */

import { affine } from "../../ops/turned.js";
import { integer } from "../../util/params.js";
import { defineLayer } from "../layer.js";
import { expectLayout, expectSize } from "./expect.js";
import { activated, biasOf, kernelOf, kernelParams } from "./weights.js";

/**
 * activation(x * kernel + bias): [batch, inputs] to [batch, units], and each step of [batch, time, inputs], with a kernel
 * of [inputs, units].
 *
 * @throws ShapeError for an input of more dimensions, such as pictures, which Flatten mends.
 * @example nn.sequential([nn.dense(64, { activation: "relu" }), nn.dense(10)])
 */
export const dense = defineLayer({
  type: "Dense",
  positional: ["units"],
  keepsMask: true,
  params: { units: integer("outputs", { min: 1 }), ...kernelParams },
  build(context, [x], params) {
    const { g } = context;
    const shape = x?.rank === 3 ? x.shape! : expectLayout("Dense", x, "features");
    const inputs = expectSize("Dense", shape, -1, "features");
    const kernel = kernelOf(context, [inputs, params.units], params, { mayTurn: shape.length === 2 });
    const bias = biasOf(context, params.units, params);
    // Gemm adds the bias while it multiplies
    if (shape.length === 2) return activated(context, affine(g, x!, kernel, bias), params);
    const product = g.matmul(x!, kernel);
    return activated(context, bias === undefined ? product : g.add(product, bias), params);
  },
});
