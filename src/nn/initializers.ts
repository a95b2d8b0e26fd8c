/** @file Initializers: the first values of weights, by Keras's names and formulas. */

import { ShapeError } from "../errors.js";
import { formatShape, sizeOf } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { type Configured, Kind } from "../util/kind.js";
import { choice, number } from "../util/params.js";
import type { Random } from "../util/random.js";

/** Gives a weight its first values. */
export interface Initializer extends Configured {
  /** @param fans numbers of inputs and outputs that a weight connects */
  fill(values: Float32Array, shape: readonly number[], fans: Fans, random: Random): void;
}

/** How many inputs feed one output of a weight, and how many outputs one input feeds. */
export interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

/** Names of initializers. */
export type InitializerName = Exclude<keyof typeof import("./initializers.js"), "initializers" | "initialValues">;

export const initializers = new Kind<Initializer, InitializerName>("initializer");

/** First values of a weight, float32. */
export function initialValues(
  initializer: Initializer | string,
  shape: readonly number[],
  fans: Fans,
  random: Random,
): Tensor<"float32"> {
  const values = new Float32Array(sizeOf(shape));
  initializers.of(initializer, "initializer").fill(values, shape, fans, random);
  return new Tensor("float32", values, shape);
}

function simple(type: string, value: number) {
  return initializers.define({
    type,
    specs: {},
    positional: [],
    make: (params) => ({ type, params, fill: (values) => void values.fill(value) }),
  });
}

export const zeros = simple("Zeros", 0);
export const ones = simple("Ones", 1);

export const constant = initializers.define({
  type: "Constant",
  specs: { value: number("the value of every element", { default: 0 }) },
  positional: ["value"],
  make: (params) => ({ type: "Constant", params, fill: (values) => void values.fill(params.value) }),
});

export const randomUniform = initializers.define({
  type: "RandomUniform",
  specs: {
    minval: number("smallest value", { default: -0.05 }),
    maxval: number("largest value", { default: 0.05 }),
  },
  positional: [],
  make: (params) => ({
    type: "RandomUniform",
    params,
    fill: (values, _shape, _fans, random) =>
      fillWith(values, () => params.minval + (params.maxval - params.minval) * random.uniform()),
  }),
});

const spread = {
  mean: number("mean", { default: 0 }),
  stddev: number("standard deviation", { default: 0.05, min: 0 }),
};

export const randomNormal = initializers.define({
  type: "RandomNormal",
  specs: spread,
  positional: [],
  make: (params) => ({
    type: "RandomNormal",
    params,
    fill: (values, _shape, _fans, random) => fillWith(values, () => params.mean + params.stddev * random.normal()),
  }),
});

/** Values beyond two standard deviations are drawn again. */
export const truncatedNormal = initializers.define({
  type: "TruncatedNormal",
  specs: spread,
  positional: [],
  make: (params) => ({
    type: "TruncatedNormal",
    params,
    fill: (values, _shape, _fans, random) => fillWith(values, () => params.mean + params.stddev * truncated(random)),
  }),
});

type Distribution = "uniform" | "truncatedNormal" | "untruncatedNormal";

const scaling = {
  scale: number("factor of the variance", { default: 1, above: 0 }),
  mode: choice("what the variance is divided by", ["fanIn", "fanOut", "fanAvg"], { default: "fanIn" }),
  distribution: choice("distribution", ["truncatedNormal", "untruncatedNormal", "uniform"], {
    default: "truncatedNormal",
  }),
};

/** Variance scale / fan, the family of Glorot's, He's and LeCun's initializers. */
export const varianceScaling = initializers.define({
  type: "VarianceScaling",
  specs: scaling,
  positional: [],
  make: (params) => ({
    type: "VarianceScaling",
    params,
    fill: (values, _shape, fans, random) => fillScaled(values, fans, random, params),
  }),
});

function scaled(type: string, scale: number, mode: "fanIn" | "fanAvg", distribution: Distribution) {
  return initializers.define({
    type,
    specs: {},
    positional: [],
    make: (params) => ({
      type,
      params,
      fill: (values, _shape, fans, random) => fillScaled(values, fans, random, { scale, mode, distribution }),
    }),
  });
}

/** Glorot and Bengio, 2010. */
export const glorotUniform = scaled("GlorotUniform", 1, "fanAvg", "uniform");
export const glorotNormal = scaled("GlorotNormal", 1, "fanAvg", "truncatedNormal");
/** He et al., 2015. */
export const heUniform = scaled("HeUniform", 2, "fanIn", "uniform");
export const heNormal = scaled("HeNormal", 2, "fanIn", "truncatedNormal");
/** LeCun et al., 1998. */
export const lecunUniform = scaled("LecunUniform", 1, "fanIn", "uniform");
export const lecunNormal = scaled("LecunNormal", 1, "fanIn", "truncatedNormal");

/** A random matrix with orthogonal rows or columns, all dimensions but the last being rows (Saxe et al., 2013). */
export const orthogonal = initializers.define({
  type: "Orthogonal",
  specs: { gain: number("factor of the matrix", { default: 1 }) },
  positional: ["gain"],
  make: (params) => ({
    type: "Orthogonal",
    params,
    fill(values, shape, _fans, random) {
      const columns = shape.at(-1) ?? 1;
      fillOrthogonal(values, values.length / columns, columns, random);
      for (let i = 0; i < values.length; i++) values[i] = params.gain * values[i]!;
    },
  }),
});

/** Ones on the diagonal of a matrix, zeros elsewhere. */
export const identity = initializers.define({
  type: "Identity",
  specs: { gain: number("the value on the diagonal", { default: 1 }) },
  positional: ["gain"],
  make: (params) => ({
    type: "Identity",
    params,
    fill(values, shape) {
      if (shape.length !== 2) {
        throw new ShapeError("Identity", `it fills matrices, got ${formatShape(shape)}; use another initializer`);
      }
      const [rows, columns] = shape as [number, number];
      values.fill(0);
      for (let i = 0; i < Math.min(rows, columns); i++) values[i * columns + i] = params.gain;
    },
  }),
});

/** Gram and Schmidt's method, twice over for each vector, along the shorter side. */
function fillOrthogonal(values: Float32Array, rows: number, columns: number, random: Random): void {
  const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
  const vectors: Float64Array[] = [];
  while (vectors.length < count) {
    const vector = Float64Array.from({ length }, () => random.normal());
    for (const other of [...vectors, ...vectors]) {
      const along = other.reduce((sum, value, i) => sum + value * vector[i]!, 0);
      for (let i = 0; i < length; i++) vector[i] = vector[i]! - along * other[i]!;
    }
    const norm = Math.hypot(...vector);
    // as good as never: it lay among the others
    if (norm < 1e-6) continue;
    vectors.push(vector.map((value) => value / norm));
  }
  const at = rows < columns ? (r: number, c: number) => vectors[r]![c]! : (r: number, c: number) => vectors[c]![r]!;
  for (let i = 0; i < values.length; i++) values[i] = at(Math.floor(i / columns), i % columns);
}

function fillScaled(
  values: Float32Array,
  { fanIn, fanOut }: Fans,
  random: Random,
  options: {
    readonly scale: number;
    readonly mode: "fanIn" | "fanOut" | "fanAvg";
    readonly distribution: Distribution;
  },
): void {
  const fan = { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[options.mode];
  const variance = options.scale / Math.max(1, fan);
  if (options.distribution === "uniform") {
    const limit = Math.sqrt(3 * variance);
    fillWith(values, () => limit * (2 * random.uniform() - 1));
  } else if (options.distribution === "untruncatedNormal") {
    fillWith(values, () => Math.sqrt(variance) * random.normal());
  } else {
    // cutting at two standard deviations leaves this part of the deviation
    const stddev = Math.sqrt(variance) / 0.87962566103423978;
    fillWith(values, () => stddev * truncated(random));
  }
}

function truncated(random: Random): number {
  for (;;) {
    const x = random.normal();
    if (Math.abs(x) <= 2) return x;
  }
}

function fillWith(values: Float32Array, draw: () => number): void {
  for (let i = 0; i < values.length; i++) values[i] = draw();
}
