/** @file SentenceEmbedder: texts to vectors whose cosines tell how alike their meanings are. */

import { listColumn, numberColumn, tensorColumn, withColumns } from "../../data/columns.js";
import type { Schema } from "../../data/schema.js";
import { arrayOf, tensorOf } from "../../data/types.js";
import { DeepframeError, GraphError, listNames, messageOf, type Who } from "../../errors.js";
import { Graph } from "../../graph/graph.js";
import { inferShapes } from "../../ops/infer.js";
import { type BatchFunction, type StageContext, Transformer } from "../../pipeline/stage.js";
import { devices } from "../../runtime/device.js";
import { readAsset } from "../../runtime/load-asset.js";
import { openSession } from "../../runtime/session.js";
import { Tensor } from "../../tensor/tensor.js";
import type { Asset } from "../../util/asset.js";
import { asset, choice, columnName, defineParams, type Input, integer } from "../../util/params.js";
import { pooled, sentenceOutput } from "./sentence-graph.js";
import { checkTextParams, readTexts, textParams } from "./text-column.js";
import type { Tokens } from "./tokens.js";

const params = defineParams({
  ...textParams,
  outputCol: columnName("column to add"),
  model: asset("the ONNX model of tokens, its weights included"),
  batchSize: integer("texts in one run of the model; those of like length run together", { default: 16, min: 1 }),
  device: choice("where the model runs", devices, { default: "cpu" }),
});

/**
 * Gives each text a float32 vector of length 1: tokens by a Hugging Face tokenizer.json, a transformer from an ONNX file, the
 * mean of its last states over the tokens (see {@link sentenceGraph}).
 *
 * @throws ParamError where the tokenizer is none; GraphError where the model is none, or takes other inputs than tokens;
 * SchemaError where the column holds no strings; DataError (code BAD_ROW) for a null, unless `onError` is "null".
 * @example
 * const embedder = await SentenceEmbedder.load(
 *   { model: "all-MiniLM-L6-v2.onnx", tokenizer: "tokenizer.json" },
 *   { inputCol: "text", outputCol: "embedding" },
 * );
 * embedder.transform(reviews);
 */
export class SentenceEmbedder extends Transformer<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
    checkTextParams(this.params, this);
    this.#network();
  }

  /** A stage of files. @throws DataError where one cannot be read. */
  static async load(
    files: { readonly model: string; readonly tokenizer: string },
    values: Omit<Input<typeof params>, "model" | "tokenizer">,
  ): Promise<SentenceEmbedder> {
    const [model, tokenizer] = await Promise.all([readAsset(files.model), readAsset(files.tokenizer)]);
    return new SentenceEmbedder({ ...values, model, tokenizer });
  }

  override get readsColumns(): readonly string[] {
    return [this.params.inputCol];
  }

  /** A text is much work: few keep every thread busy to the end. */
  override get rowsPerTask(): number {
    return Math.max(64, this.params.batchSize);
  }

  transformSchema(schema: Schema): Schema {
    const { inputCol, outputCol, onError } = this.params;
    schema.requireString(inputCol, this);
    const { width } = this.#network();
    const after = schema.with(outputCol, width === undefined ? arrayOf("float") : tensorOf("float", [width]), this);
    return onError === "null" ? after.with(`${outputCol}_error`, "string", this) : after;
  }

  async open(_schema: Schema, context: StageContext): Promise<BatchFunction> {
    const { outputCol, device, batchSize } = this.params;
    const { graph, width: known } = this.#network();
    const names = graph.inputs.map(({ name }) => name);
    const session = await openSession(graph, { name: this.name, device });
    return async (batch) => {
      const { tokens, padId, valid, errors } = readTexts(batch, this.params, `${outputCol}_error`, this, context);
      // padding costs as much as tokens, so texts of like length share a run
      const texts = [...tokens.entries()].flatMap(([row, found]) => (found === undefined ? [] : [{ row, found }]));
      texts.sort((a, b) => a.found.ids.length - b.found.ids.length);
      let width = known ?? 0;
      let vectors = new Float32Array(batch.numRows * width);
      for (let from = 0; from < texts.length; from += batchSize) {
        const some = texts.slice(from, from + batchSize);
        const feeds = feedsOf(
          some.map(({ found }) => found),
          padId,
        );
        const outputs = await session.run(Object.fromEntries(names.map((name) => [name, feeds[name as InputName]])));
        const { data, shape } = outputs[sentenceOutput]!;
        if (from === 0 && known === undefined) {
          width = shape[1]!;
          vectors = new Float32Array(batch.numRows * width);
        }
        for (const [i, { row }] of some.entries()) {
          vectors.set((data as Float32Array).subarray(i * width, (i + 1) * width), row * width);
        }
      }
      const column =
        known === undefined
          ? listColumn(
              numberColumn("float", vectors),
              Int32Array.from({ length: batch.numRows + 1 }, (_, i) => i * width),
              valid,
            )
          : tensorColumn("float", [width], vectors, valid);
      return withColumns(batch, { [outputCol]: column, ...errors });
    };
  }

  #network(): SentenceNetwork {
    return keptNetwork(this.params.model, this);
  }
}

const inputNames = ["input_ids", "attention_mask", "token_type_ids"] as const;
type InputName = (typeof inputNames)[number];

/** Texts as the model's inputs, padded to the longest. */
function feedsOf(texts: readonly Tokens[], padId: number): Record<InputName, Tensor> {
  const length = texts.reduce((most, { ids }) => Math.max(most, ids.length), 1);
  const filled = (fill: number, values: (text: Tokens) => readonly number[]) => {
    const data = new BigInt64Array(texts.length * length).fill(BigInt(fill));
    for (const [row, text] of texts.entries()) data.set(values(text).map(BigInt), row * length);
    return new Tensor("int64", data, [texts.length, length]);
  };
  return {
    input_ids: filled(padId, ({ ids }) => ids),
    attention_mask: filled(0, ({ ids }) => ids.map(() => 1)),
    token_type_ids: filled(0, ({ types }) => types),
  };
}

interface SentenceNetwork {
  readonly graph: Graph;
  /** Numbers of one vector, where the graph tells. */
  readonly width: number | undefined;
}

// reading and extending takes a while, and every pass over data opens its stages anew
const kept = new Map<string, SentenceNetwork>();

function keptNetwork(model: Asset, who: Who): SentenceNetwork {
  const found = kept.get(model.sha256) ?? makeNetwork(model, who);
  kept.delete(model.sha256);
  kept.set(model.sha256, found);
  if (kept.size > 4) kept.delete(kept.keys().next().value!);
  return found;
}

function readPooled(model: Asset, who: Who): Graph {
  try {
    return pooled(Graph.fromBytes(model.bytes));
  } catch (cause) {
    if (!(cause instanceof DeepframeError)) throw cause;
    // the stage is who it concerns
    throw new GraphError(who, `model: ${messageOf(cause).replace(/^[\w.]+: /, "")}`, { ...cause.fields, cause });
  }
}

function makeNetwork(model: Asset, who: Who): SentenceNetwork {
  const graph = readPooled(model, who);
  const others = graph.inputs.filter(
    ({ name, dtype }) => !(inputNames as readonly string[]).includes(name) || dtype !== "int64",
  );
  if (others.length > 0) {
    const found = others.map(({ name, dtype }) => `${name} (${dtype})`);
    throw new GraphError(
      who,
      `expected a model with the int64 inputs ${listNames(inputNames)}, but it takes ${listNames(found)}`,
    );
  }
  const width = inferShapes(graph).outputs[0]?.shape?.[1];
  return { graph, width: typeof width === "number" && width > 0 ? width : undefined };
}
