/** @file sentenceGraph: a transformer of tokens with what makes one vector per sentence of its last states. */

import { GraphError, listNames } from "../../errors.js";
import { baseOpset } from "../../graph/builder.js";
import { Graph } from "../../graph/graph.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import { shapeRules } from "../../ops/infer.js";

/** The tensor that {@link sentenceGraph} gives, named as in exports of Sentence Transformers. */
export const sentenceOutput = "sentence_embedding";

/**
 * A model of tokens (inputs `attention_mask` and others, [batch, sequence]; first output the states [batch, sequence, n])
 * with the mean of the states of all tokens that are no padding, scaled to length 1: output `sentence_embedding` float32
 * [batch, n], as Sentence Transformers does (Reimers and Gurevych, 2019). A model that has this output already stays as it
 * is, cut there.
 *
 * @throws GraphError where the file cannot be read, or has no attention_mask.
 * @example
 * const base = (await nn.fromOnnx(await sentenceGraph("all-MiniLM-L6-v2.onnx"))).freeze();
 * nn.sequential([base, nn.dense(5)]); // inputs input_ids, attention_mask, token_type_ids
 */
export async function sentenceGraph(source: string | Uint8Array): Promise<Graph> {
  return pooled(await Graph.load(source));
}

/** {@link sentenceGraph} of a graph in memory. */
export function pooled(read: Graph): Graph {
  if (read.outputs.some(({ name }) => name === sentenceOutput)) return read.cutAt([sentenceOutput]);
  const model = (read.opsets.get("") ?? baseOpset) < baseOpset ? read.atOpset(baseOpset) : read;
  const names = model.inputs.map(({ name }) => name);
  if (!names.includes("attention_mask")) {
    const found = `its inputs are ${listNames(names)}`;
    throw new GraphError(
      "sentenceGraph",
      `expected a model with an input "attention_mask", but ${found}; export it with one`,
    );
  }
  const g = GraphBuilder.of(model, { rules: shapeRules() });
  const states = g.tensor(model.outputs[0]!.name);
  const mask = g.unsqueeze(g.cast(g.tensor("attention_mask"), "float32"), [2]);
  // padding counts nothing; a row is never all padding, as a text has its special tokens
  const sum = g.reduceSum(g.mul(states, mask), { axes: [1] });
  const mean = g.div(sum, g.max(g.reduceSum(mask, { axes: [1] }), 1e-9));
  const norm = g.sqrt(g.reduceSumSquare(mean, { axes: [1], keepdims: true }));
  return g.finish({ [sentenceOutput]: g.div(mean, g.max(norm, 1e-12)) }, model.name);
}
