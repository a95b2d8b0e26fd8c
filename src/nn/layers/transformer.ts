/** @file TransformerEncoder, and positions for it: PositionEmbedding, SinePositionEncoding. */

import { ParamError, ShapeError } from "../../errors.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Dim } from "../../graph/types.js";
import type { Value } from "../../graph/value.js";
import { Tensor } from "../../tensor/tensor.js";
import { boolean, integer, number } from "../../util/params.js";
import { activations } from "../activations.js";
import { initializers } from "../initializers.js";
import { defineLayer, type Layer } from "../layer.js";
import { dense } from "./dense.js";
import { dropout } from "./dropout.js";
import { expectLayout, expectSize } from "./expect.js";
import { layerNormalization } from "./layer-normalization.js";
import { multiHeadAttention } from "./multi-head-attention.js";
import { activityRegularizer, penalize } from "./weights.js";

const params = {
  intermediateDim: integer("units of the hidden layer of each place", { min: 1 }),
  numHeads: integer("heads of the attention; they share the features among them", { min: 1 }),
  dropout: number("rate of dropout, of the attention and of what both halves add", { default: 0, min: 0, max: 0.999 }),
  activation: activations.param("function of the hidden layer", { default: "relu" }),
  layerNormEpsilon: number("epsilon of the normalizations", { default: 1e-5, above: 0 }),
  normalizeFirst: boolean("whether each half normalizes what it reads, rather than what it gives", { default: false }),
  useCausalMask: boolean("whether each place looks at itself and those before it only", { default: false }),
  kernelInitializer: initializers.param("first values of the kernels", { default: "glorotUniform" }),
  biasInitializer: initializers.param("first values of the biases", { default: "zeros" }),
  activityRegularizer,
};

interface Parts {
  readonly attention: Layer;
  readonly first: Layer;
  readonly last: Layer;
  readonly hidden: Layer;
  readonly output: Layer;
  readonly dropout: Layer;
}

const made = new WeakMap<object, Parts>();

/**
 * A block of a Transformer, as in KerasHub: attention of the sequence to itself, then two dense layers at each place, each
 * added to what it read and normalized; [batch, time, features] to the same (Vaswani et al., 2017). `normalizeFirst`
 * normalizes what each half reads instead (Xiong et al., 2020).
 *
 * @throws ParamError where the heads do not divide the features.
 * @example nn.sequential([nn.embedding(1000, 64), nn.positionEmbedding(128), nn.transformerEncoder(256, 4), nn.globalAveragePooling1d()])
 */
export const transformerEncoder = defineLayer({
  type: "TransformerEncoder",
  positional: ["intermediateDim", "numHeads"],
  keepsMask: true,
  params,
  build(context, [x], given) {
    const { g, call, maskOf, setMask } = context;
    const features = expectSize("TransformerEncoder", expectLayout("TransformerEncoder", x, "sequence"), 2, "features");
    if (features % given.numHeads !== 0) {
      throw new ParamError(
        "TransformerEncoder",
        `numHeads must divide the ${features} features, got ${given.numHeads}`,
      );
    }
    const parts = made.get(given) ?? partsOf(given, features);
    // one set of layers for one layer, so that it shares its weights wherever it is applied
    made.set(given, parts);
    const mask = maskOf(x!);
    const run = (layer: Layer, input: Value, name: string): Value => {
      if (mask !== undefined) setMask(input, mask);
      return call(layer, [input], name)[0]!;
    };
    const half = (input: Value, norm: [Layer, string], body: (input: Value) => Value): Value => {
      const normalized = (value: Value) => run(norm[0], value, norm[1]);
      const result = run(parts.dropout, body(given.normalizeFirst ? normalized(input) : input), "dropout");
      const sum = g.add(input, result);
      return given.normalizeFirst ? sum : normalized(sum);
    };
    const attended = half(x!, [parts.first, "attention_norm"], (input) => run(parts.attention, input, "attention"));
    const y = half(attended, [parts.last, "feedforward_norm"], (input) =>
      run(parts.output, run(parts.hidden, input, "feedforward_hidden"), "feedforward_output"),
    );
    penalize(context, [y], given.activityRegularizer);
    return y;
  },
});

function partsOf(
  given: {
    readonly intermediateDim: number;
    readonly numHeads: number;
    readonly dropout: number;
    readonly layerNormEpsilon: number;
    readonly useCausalMask: boolean;
    readonly activation: Parameters<typeof activations.of>[0];
    readonly kernelInitializer: Parameters<typeof initializers.of>[0];
    readonly biasInitializer: Parameters<typeof initializers.of>[0];
  },
  features: number,
): Parts {
  const { kernelInitializer, biasInitializer, numHeads, useCausalMask } = given;
  const weights = { kernelInitializer, biasInitializer };
  const norm = () => layerNormalization({ epsilon: given.layerNormEpsilon });
  return {
    attention: multiHeadAttention(numHeads, features / numHeads, { dropout: given.dropout, useCausalMask, ...weights }),
    first: norm(),
    last: norm(),
    hidden: dense(given.intermediateDim, { activation: given.activation, ...weights }),
    output: dense(features, weights),
    dropout: dropout(given.dropout),
  };
}

/**
 * Adds a learned vector for each place: [batch, time, features] to the same, of at most `sequenceLength` steps.
 *
 * @example nn.sequential([nn.embedding(1000, 64), nn.positionEmbedding(128)])
 */
export const positionEmbedding = defineLayer({
  type: "PositionEmbedding",
  positional: ["sequenceLength"],
  keepsMask: true,
  params: {
    sequenceLength: integer("longest sequence", { min: 1 }),
    initializer: initializers.param("first vectors", { default: "glorotUniform" }),
  },
  build({ g, weight }, [x], { sequenceLength, initializer }) {
    const shape = expectLayout("PositionEmbedding", x, "sequence");
    const features = expectSize("PositionEmbedding", shape, 2, "features");
    const table = weight("embeddings", [sequenceLength, features], { initializer });
    return g.add(x!, firstRows(g, x!, table, sequenceLength, "PositionEmbedding"));
  },
});

/**
 * Adds sines and cosines of each place, of wavelengths from 2 pi to `maxWavelength` (Vaswani et al., 2017).
 *
 * @example nn.sinePositionEncoding()
 */
export const sinePositionEncoding = defineLayer({
  type: "SinePositionEncoding",
  keepsMask: true,
  params: {
    maxWavelength: number("longest wavelength", { default: 10_000, above: 0 }),
    maxLength: integer("longest sequence, where its length is not known", { default: 2048, min: 1 }),
  },
  build({ g }, [x], { maxWavelength, maxLength }) {
    const shape = expectLayout("SinePositionEncoding", x, "sequence");
    const features = expectSize("SinePositionEncoding", shape, 2, "features");
    const length = typeof shape[1] === "number" ? shape[1] : maxLength;
    const values = new Float32Array(length * features);
    for (let t = 0; t < length; t++) {
      for (let i = 0; i < features; i++) {
        const angle = t / maxWavelength ** ((2 * Math.floor(i / 2)) / features);
        values[t * features + i] = i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
      }
    }
    const table = g.constant(new Tensor("float32", values, [length, features]));
    return g.add(x!, firstRows(g, x!, table, length, "SinePositionEncoding"));
  },
});

/** As many rows of a table as a sequence has steps. */
function firstRows(g: GraphBuilder, x: Value, table: Value, length: number, who: string): Value {
  const time: Dim = x.shape![1]!;
  if (time === length) return table;
  if (typeof time !== "number") return g.slice(table, [0], g.shapeOf(x, { start: 1, end: 2 }), { axes: [0] });
  if (time > length) {
    throw new ShapeError(who, `sequences of ${time} steps are longer than ${length}; make it longer`);
  }
  return g.slice(table, [0], [time], { axes: [0] });
}
