/** @file Why some operators have no gradient rule, and what to write instead. */

import { describeNode } from "../graph/scope.js";
import type { Node } from "../graph/types.js";

const sequences = "lists of tensors are not differentiated; write Split, Concat or Slice on one tensor, or a Loop";
const texts = "texts have no gradient; compute them in a stage before the network";
const quantized = "it computes on whole numbers; use QuantizeLinear and DequantizeLinear around the float operator";

const reasons: { readonly [type: string]: string } = {
  SequenceConstruct: sequences,
  SequenceAt: sequences,
  SequenceEmpty: sequences,
  SequenceErase: sequences,
  SequenceInsert: sequences,
  SequenceLength: sequences,
  SequenceMap: sequences,
  SplitToSequence: sequences,
  ConcatFromSequence: sequences,
  Optional: "optional values are not differentiated; write If",
  OptionalGetElement: "optional values are not differentiated; write If",
  ConvInteger: quantized,
  MatMulInteger: quantized,
  QLinearConv: quantized,
  QLinearMatMul: quantized,
  DynamicQuantizeLinear: quantized,
  StringConcat: texts,
  StringNormalizer: texts,
  StringSplit: texts,
  TfIdfVectorizer: texts,
  NonMaxSuppression: "it gives places only; differentiate what Gather reads at them",
  ImageDecoder: "pictures are decoded before the network; use the stage ImageDecoder",
  MaxUnpool: "write ScatterElements at MaxPool's indices",
};

/** What to tell where a node on the way has no gradient rule. */
export function whyNoGradient(node: Node, opset: number): string {
  const reason = node.domain === "" ? reasons[node.opType] : undefined;
  const domain = node.domain === "" ? "" : ` of ${JSON.stringify(node.domain)}`;
  const way = "a rule with defineOp and pass it in ops, or differentiate with respect to what comes after it";
  const told = `${describeNode(node)} of operator set ${opset}${domain} has no gradient rule`;
  return reason === undefined ? `${told}; make ${way}` : `${told}: ${reason}; or make ${way}`;
}
