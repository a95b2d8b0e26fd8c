/** @file Operators that make tensors from sizes, indices or chance: OneHot, EyeLike, Random*, CastLike. */

import { type ElementType, elementTypeOf } from "../graph/element-type.js";
import type { Known } from "../graph/known.js";
import type { DType } from "../tensor/dtype.js";
import { isFloat } from "../tensor/dtype.js";
import { defineOp, int, ints } from "./op.js";
import { like } from "./unary.js";

export const oneHot = defineOp({
  type: "OneHot",
  inputs: ["indices", "depth", "values"],
  attrs: { axis: -1 },
  infer({ indices, depth, values }, { axis }) {
    if (indices.shape === undefined) return { dtype: values.dtype, shape: undefined };
    const at = axis < 0 ? axis + indices.shape.length + 1 : axis;
    return { dtype: values.dtype, shape: indices.shape.toSpliced(at, 0, depth.elements?.[0] ?? "?") };
  },
  // values are [off, on]
  grad(g, { indices, depth, values, dy, attrs: { axis } }) {
    const hot = g.op("OneHot", [indices, depth, g.constant([0, 1], (values.dtype ?? "float32") as DType)], { axis });
    const sumOf = (mask: typeof hot) => g.reshape(g.reduceSum(g.mul(dy, mask)), [1]);
    return {
      indices: null,
      depth: null,
      values: g.concat(sumOf(g.sub(1, hot)), [sumOf(hot)], { axis: 0 }),
    };
  },
});

export const castLike = defineOp({
  type: "CastLike",
  inputs: ["x", "target"],
  infer: ({ x, target }) => ({ dtype: target.dtype, shape: x.shape }),
  // whole numbers and truth values have no gradient
  grad(g, { x, y, dy }) {
    const whole = [x, y].some(({ dtype }) => dtype !== undefined && !isFloat(dtype as DType));
    return { x: whole ? null : g.op("CastLike", [dy, x]), target: null };
  },
});

const typed = (dtype: number | undefined, otherwise: ElementType | undefined) =>
  dtype === undefined ? otherwise : elementTypeOf(dtype);

function makeLike(type: string, byDefault?: ElementType) {
  return defineOp({
    type,
    inputs: ["x"],
    attrs: { dtype: int() },
    infer: ({ x }, { dtype }): Known => ({ dtype: typed(dtype, byDefault ?? x.dtype), shape: x.shape }),
    grad: null,
  });
}

export const eyeLike = makeLike("EyeLike");

// what is drawn does not depend smoothly on anything; x gives the shape only
export const randomNormalLike = makeLike("RandomNormalLike");
export const randomUniformLike = makeLike("RandomUniformLike");
/** Drawn with probability x: as PyTorch's bernoulli, without a gradient. */
export const bernoulli = makeLike("Bernoulli");

function random(type: string) {
  return defineOp({
    type,
    inputs: [],
    attrs: { dtype: int(), shape: ints() },
    infer: (_, { dtype, shape }): Known => ({ dtype: typed(dtype, "float32"), shape }),
    grad: null,
  });
}

export const randomNormal = random("RandomNormal");
export const randomUniform = random("RandomUniform");

export const multinomial = defineOp({
  type: "Multinomial",
  inputs: ["x"],
  attrs: { dtype: int(), sample_size: 1 },
  infer: ({ x }, { dtype, sample_size }) => ({
    dtype: typed(dtype, "int32"),
    shape: like(x).shape?.with(1, sample_size),
  }),
  grad: null,
});
