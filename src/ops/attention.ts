/** @file Attention: softmax(Q K' scale + mask) V over heads, with caches of earlier keys and values. */

import { GraphError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { addDims, divDims, mulDims } from "./dims.js";
import { defineOp, float, int, optionalFloat } from "./op.js";

export const attention = defineOp({
  type: "Attention",
  inputs: ["q", "k", "v", "mask?", "pastKey?", "pastValue?"],
  outputs: ["y", "presentKey", "presentValue", "scores"],
  attrs: {
    is_causal: 0,
    kv_num_heads: int(),
    q_num_heads: int(),
    qk_matmul_output_mode: 0,
    scale: optionalFloat(),
    softcap: float(0),
    softmax_precision: int(),
  },
  infer({ q, k, v, pastKey }, { q_num_heads: qHeads, kv_num_heads: kvHeads }) {
    const unknown: Known = { dtype: q.dtype, shape: undefined };
    if (q.shape === undefined || k.shape === undefined || v.shape === undefined)
      return [unknown, unknown, unknown, unknown];
    const wide = q.shape.length === 4;
    const at = (x: Known, i: number): Dim => x.shape![i] ?? "?";
    const keys = addDims(at(k, wide ? 2 : 1), pastKey === undefined ? 0 : (pastKey.shape?.[2] ?? "?"));
    const split = (x: Known, heads: number | undefined): Dim => (heads === undefined ? "?" : divDims(at(x, 2), heads));
    const size = (x: Known): Dim => (wide ? at(x, 3) : split(x, kvHeads));
    const present = (x: Known): Known => ({
      dtype: x.dtype,
      shape: [at(x, 0), wide ? at(x, 1) : (kvHeads ?? "?"), keys, size(x)],
    });
    const y = wide
      ? [at(q, 0), at(q, 1), at(q, 2), at(v, 3)]
      : [at(q, 0), at(q, 1), mulDims(qHeads ?? "?", split(v, kvHeads))];
    const scores = [at(q, 0), wide ? at(q, 1) : (qHeads ?? "?"), wide ? at(q, 2) : at(q, 1), keys];
    return [{ dtype: q.dtype, shape: y }, present(k), present(v), { dtype: q.dtype, shape: scores }];
  },
  grad: null,
  expand(g, { q, k, v, mask, pastKey, pastValue, attrs, node }) {
    if (node.outputs[3])
      throw new GraphError(
        "Attention",
        "its fourth output, the scores, cannot be asked for where it is differentiated",
      );
    const wide = q.rank === 4;
    const heads = (x: Value, count: number | undefined) => (wide ? x : splitHeads(g, x, count));
    const query = heads(q, attrs.q_num_heads);
    const join = (past: Value | undefined, x: Value) => (past === undefined ? x : g.concat(past, [x], { axis: 2 }));
    const key = join(pastKey, heads(k, attrs.kv_num_heads));
    const value = join(pastValue, heads(v, attrs.kv_num_heads));
    const scores = scaledScores(g, query, repeatHeads(g, key, query), attrs.scale);
    const capped = attrs.softcap === 0 ? scores : g.mul(g.tanh(g.div(scores, attrs.softcap)), attrs.softcap);
    const causal = attrs.is_causal === 0 ? capped : causalScores(g, capped, query, key, pastKey);
    const masked = mask === undefined ? causal : maskedScores(g, causal, mask);
    const y = g.matmul(g.softmax(masked), repeatHeads(g, value, query));
    return [wide ? y : mergeHeads(g, y), key, value];
  },
});

/** [batch, length, heads * size] -> [batch, heads, length, size]. */
function splitHeads(g: GraphBuilder, x: Value, heads: number | undefined): Value {
  if (heads === undefined)
    throw new GraphError("Attention", "inputs of three dimensions need q_num_heads and kv_num_heads");
  const width = x.shape?.[2];
  const size = typeof width === "number" ? width / heads : -1;
  return g.transpose(g.reshape(x, [0, 0, heads, size]), [0, 2, 1, 3]);
}

function mergeHeads(g: GraphBuilder, y: Value): Value {
  const turned = g.transpose(y, [0, 2, 1, 3]);
  const [heads, size] = [turned.shape?.[2], turned.shape?.[3]];
  const width = typeof heads === "number" && typeof size === "number" ? heads * size : -1;
  return g.reshape(turned, [0, 0, width]);
}

/** Where fewer heads of keys than of queries are, each serves several neighbouring ones. */
function repeatHeads(g: GraphBuilder, x: Value, query: Value): Value {
  const [have, want] = [x.shape?.[1], query.shape?.[1]];
  if (typeof have !== "number" || typeof want !== "number" || have === want) return x;
  const times = want / have;
  const tall = g.tile(g.unsqueeze(x, [2]), [1, 1, times, 1, 1]);
  return g.reshape(
    tall,
    g.concat(g.shapeOf(x, { start: 0, end: 1 }), [g.ints([want]), g.shapeOf(x, { start: 2 })], { axis: 0 }),
  );
}

/** Both factors are scaled by the root, as the operator's definition does. */
function scaledScores(g: GraphBuilder, query: Value, key: Value, scale: number | undefined): Value {
  const size = query.shape?.[3];
  const product = g.matmul(query, g.transpose(key, [0, 1, 3, 2]));
  if (scale !== undefined) return g.mul(product, scale);
  if (typeof size === "number") return g.div(product, Math.sqrt(size));
  return g.div(product, g.sqrt(g.cast(g.gather(g.shapeOf(query), 3), query.dtype ?? "float32")));
}

/** Query i sees keys up to i, counted from the first one that is not in the cache. */
function causalScores(g: GraphBuilder, scores: Value, query: Value, key: Value, past: Value | undefined): Value {
  const count = (x: Value) => g.gather(g.shapeOf(x), 2);
  const rows = g.unsqueeze(g.range(0, count(query)), [1]);
  const shifted = past === undefined ? rows : g.add(rows, count(past));
  const seen = g.lessOrEqual(g.unsqueeze(g.range(0, count(key)), [0]), shifted);
  return g.where(seen, scores, Number.NEGATIVE_INFINITY);
}

function maskedScores(g: GraphBuilder, scores: Value, mask: Value): Value {
  return mask.dtype === "bool" ? g.where(mask, scores, Number.NEGATIVE_INFINITY) : g.add(scores, mask);
}
