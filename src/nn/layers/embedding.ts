/** @file Embedding: a learned vector for each whole number. */

import { ParamError } from "../../errors.js";
import { boolean, integer, optional } from "../../util/params.js";
import { initializers } from "../initializers.js";
import { defineLayer } from "../layer.js";
import { regularizers } from "../regularizers.js";
import { expectRank } from "./expect.js";
import { regularizerOf } from "./weights.js";

/** Whole numbers that float32 tells apart. */
const exact = 2 ** 24;

/**
 * Numbers from 0 up to `inputDim` (not included) become vectors: [batch, time] to [batch, time, outputDim], and [batch] to
 * [batch, outputDim]. Other numbers are an error when the graph runs. With `maskZero`, places that hold 0 do not count in
 * the layers after it.
 *
 * @example nn.embedding(10_000, 64, { maskZero: true })
 */
export const embedding = defineLayer({
  type: "Embedding",
  positional: ["inputDim", "outputDim"],
  params: {
    inputDim: integer("numbers there are", { min: 1 }),
    outputDim: integer("size of the vectors", { min: 1 }),
    embeddingsInitializer: initializers.param("first vectors", { default: "randomUniform" }),
    embeddingsRegularizer: optional(regularizers.param("penalty on the vectors")),
    maskZero: boolean("whether 0 stands for nothing", { default: false }),
  },
  build({ g, weight, setMask }, [x], params) {
    expectRank("Embedding", x);
    if (x!.dtype === "float32" && params.inputDim > exact) {
      const message = `inputDim is ${params.inputDim}, but its numbers come as float32, which tells ${exact} apart; give the network's input as nn.input({ dtype: "int64" })`;
      throw new ParamError("Embedding", message, { param: "inputDim" });
    }
    const table = weight("embeddings", [params.inputDim, params.outputDim], {
      initializer: params.embeddingsInitializer,
      regularizer: regularizerOf(params.embeddingsRegularizer, "Embedding"),
    });
    const at = x!.dtype === "int64" || x!.dtype === "int32" ? x! : g.cast(x!, "int64");
    // with numbers below 0 Gather would read the table from its end
    const y = g.gather(table, g.where(g.less(at, 0), -params.inputDim - 1, at));
    if (params.maskZero && x!.rank === 2) setMask(y, g.not(g.equal(at, 0)));
    return y;
  },
});
