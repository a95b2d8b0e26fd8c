/** @file LayerNormalization and RMSNormalization: normalized over the last dimensions. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Node } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import type { DType } from "../tensor/dtype.js";
import { sizeOf } from "../tensor/shape.js";
import { axisOf, sameDim } from "./dims.js";
import { countOf, rankOf, scaledToOne, scaledToOneBack } from "./normalize.js";
import { defineOp, float } from "./op.js";
import { like } from "./unary.js";
import { sumTo } from "./unbroadcast.js";

/** The axes from `axis` to the last. */
function lastAxes(x: Value, axis: number, who: string): number[] {
  const rank = rankOf(x, who);
  const first = axisOf(axis, rank, who);
  return Array.from({ length: rank - first }, (_, i) => first + i);
}

export const layerNormalization = defineOp({
  type: "LayerNormalization",
  inputs: ["x", "scale", "bias?"],
  outputs: ["y", "mean?", "inverse?"],
  attrs: { axis: -1, epsilon: float(1e-5), stash_type: 1 },
  infer({ x }, { axis }, { node }): Known[] {
    const at = x.shape === undefined ? 0 : axisOf(axis, x.shape.length, "LayerNormalization");
    const stashed: Known = { dtype: "float32", shape: x.shape?.map((dim, i) => (i < at ? dim : 1)) };
    return [like(x), stashed, stashed].slice(0, node.outputs.length);
  },
  // hat = i (x - mean), e = dy scale, n elements  =>  dx = i (e - a (x - mean) - sum(e) / n)  with  a = i sum(e hat) / n
  grad(g, { x, scale, bias, dy: given, dmean, dinverse, attrs: { axis }, node, wants }) {
    const first = axisOf(axis, rankOf(x, "LayerNormalization"), "LayerNormalization");
    // products of half floats would lose too much
    const dtype = x.dtype === "float64" ? "float64" : "float32";
    const flat = x.rank === 2 && first === 1;
    const rows = (t: Value) => g.cast(flat ? t : g.flatten(t, first), dtype);
    const dy = given ?? g.zerosLike(x);
    const [x2, dy2] = [rows(x), rows(dy)];
    // one number per row: as a vector, the runtime is five times slower with a column
    const perRow = (t: Value) => g.reshape(rows(t), [-1]);
    const [mean, inverse] = statistics(g, node).map(perRow) as [Value, Value];
    const sizes = x.shape!.slice(first);
    const n = sizes.every((size) => typeof size === "number") ? sizeOf(sizes) : countOf(g, x2, mean);
    const like = g.expand(scale, g.shapeOf(x, { start: first }));
    const sameSizes = scale.rank === sizes.length && sizes.every((size, i) => sameDim(size, scale.shape?.[i]));
    const factors = g.cast(g.reshape(sameSizes ? scale : like, [1, -1]), dtype);

    // sums over rows and columns are products with vectors: one pass over memory each
    const product = g.mul(dy2, x2);
    const alongRow = (t: Value) => g.reshape(g.matmul(t, g.reshape(factors, [-1, 1])), [-1]);
    const total = alongRow(dy2);
    const totalHat = g.mul(inverse, g.sub(alongRow(product), g.mul(mean, total)));
    const ofInverse = dinverse === undefined ? totalHat : g.add(totalHat, g.mul(perRow(dinverse), inverse));
    const a = g.div(g.mul(inverse, ofInverse), n);
    const ofMean = dmean === undefined ? g.neg(total) : g.sub(g.div(perRow(dmean), inverse), total);
    const centred = eachRow(g, x2, g.neg(a), g.add(g.mul(a, mean), g.div(ofMean, n)));
    const dx = g.mul(g.add(g.mul(dy2, factors), centred), g.reshape(inverse, [-1, 1]));

    const byInverse = g.matmul(inverse, product);
    const columns = g.sub(byInverse, g.matmul(g.mul(inverse, mean), dy2));
    const back = (t: Value, to: Value) => g.cast(flat ? t : g.reshape(t, g.shapeLike(to)), to.dtype as DType);
    return {
      x: wants("x") ? back(dx, x) : null,
      scale: sumTo(g, back(columns, like), scale),
      bias: bias === undefined ? null : sumTo(g, dy, bias),
    };
  },
});

/** x times a number per row, plus one per row: what BatchNormalization does in one pass, with rows as its channels. */
function eachRow(g: GraphBuilder, x: Value, a: Value, b: Value): Value {
  return g.squeeze(g.batchNorm(g.unsqueeze(x, [0]), a, b, g.zerosLike(a), g.onesLike(a), { epsilon: 0 }), [0]);
}

/** Mean and 1 / deviation: the node is made to give them. */
function statistics(g: GraphBuilder, node: Node): Value[] {
  const [y = "", mean = "", inverse = ""] = node.outputs;
  if (mean !== "" && inverse !== "") return [g.tensor(mean), g.tensor(inverse)];
  const outputs = [y, mean || g.fresh(`${y}/mean`), inverse || g.fresh(`${y}/inverse`)];
  if (g.nodes.includes(node)) g.replaceNode(node, { ...node, outputs });
  else return g.addNode({ ...node, name: "", outputs: outputs.map((name) => g.fresh(name)) }).slice(1);
  return outputs.slice(1).map((name) => g.tensor(name));
}

/** y = x / sqrt(mean(x²) + epsilon) * scale, since version 23 and as ONNX Runtime's SimplifiedLayerNormalization. */
function rootMeanSquare(type: string) {
  return defineOp({
    type,
    inputs: ["x", "scale"],
    attrs: { axis: -1, epsilon: float(1e-5), stash_type: 1 },
    infer: ({ x }) => like(x),
    grad(g, { x, scale, dy, attrs: { axis, epsilon } }) {
      const by = scaledToOne(g, x, lastAxes(x, axis, type), epsilon);
      return { x: scaledToOneBack(g, by, g.mul(dy, scale)), scale: sumTo(g, g.mul(dy, by.hat), scale) };
    },
  });
}

export const rmsNormalization = rootMeanSquare("RMSNormalization");
export const simplifiedLayerNormalization = rootMeanSquare("SimplifiedLayerNormalization");
