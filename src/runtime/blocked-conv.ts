/** @file A convolution in blocks of channels. */

import type { Node } from "../graph/types.js";
import { sizeOf } from "../tensor/shape.js";
import { type BlockedBody, BlockedNodes, floatShape, groupOf } from "./blocked-nodes.js";

/** The nodes that do the same in blocks, where there is a kernel for it and it pays. */
export function convInBlocks(node: Node, body: BlockedBody): Node[] | undefined {
  const [x = "", w = "", bias] = node.inputs;
  const shape = floatShape(body.infos.get(w));
  if (node.opType !== "Conv" || shape === undefined) return undefined;
  const kind = kindOf(node, shape, body);
  if (kind === undefined) return undefined;
  const g = new BlockedNodes(node, body);
  const [channels = 0, , ...kernel] = shape;
  const weights = () => {
    if (kind === "whole") return wholeWeights(g, w, shape, body.block);
    const picture = g.reshape(w, [1, channels, ...kernel], "w/picture");
    return g.reshape(g.inBlocks(picture, "w/blocks"), shape, "w");
  };
  const areJoined = kind === "depthwise" && body.joined.has(w);
  const inputs = [
    g.inBlocks(x, "x"),
    areJoined ? g.inBlocks(w, "w") : weights(),
    ...(bias === undefined ? [] : [bias]),
  ];
  g.outOfBlocks(g.conv(inputs, "y", node.attrs), channels);
  return g.nodes;
}

function kindOf(
  node: Node,
  [out = 0, perGroup = 0, ...kernel]: readonly number[],
  { block, infos }: BlockedBody,
): "depthwise" | "whole" | undefined {
  const group = groupOf(node);
  if (kernel.length !== 2 || out === 0 || out % block !== 0) return undefined;
  if (group === out && perGroup === 1) return "depthwise";
  if (group !== 1 || perGroup % block !== 0) return undefined;
  // windows of one place are a plain product, which gains nothing; nor do windows of a picture's size, as weight gradients have
  const height = infos.get(node.outputs[0] ?? "")?.shape?.[2];
  const isLarge = typeof height === "number" && kernel[0]! > height;
  return sizeOf(kernel) === 1 || isLarge ? undefined : "whole";
}

/** [out, in, h, w] in the kernels' order, [out blocks, in blocks, h, w, in, out]. */
function wholeWeights(g: BlockedNodes, w: string, shape: readonly number[], block: number): string {
  const [out = 0, perGroup = 0, ...kernel] = shape;
  const places = sizeOf(kernel);
  // one axis at a time takes half the time of both
  const rows = g.reshape(w, [out / block, block, perGroup * places], "w/rows");
  const outLast = g.op("Transpose", [rows], "w/outLast", { perm: [0, 2, 1] });
  const blocks = g.reshape(outLast, [(out * perGroup) / block ** 2, block, places, block], "w/blocks");
  return g.reshape(g.op("Transpose", [blocks], "w/inBehindPlaces", { perm: [0, 2, 1, 3] }), shape, "w");
}
