/** @file Reading and writing elements by index: GatherElements, GatherND, ScatterElements, ScatterND. */

import { GraphError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { defineOp } from "./op.js";
import { putBack } from "./places.js";
import { sumRows } from "./row-sums.js";
import { like } from "./unary.js";

export const gatherElements = defineOp({
  type: "GatherElements",
  inputs: ["x", "indices"],
  attrs: { axis: 0 },
  infer: ({ x, indices }) => ({ dtype: x.dtype, shape: indices.shape }),
  grad: (g, { x, indices, dy, attrs: { axis } }) => ({
    x: g.scatterElements(g.zerosLike(x), indices, dy, { axis, reduction: "add" }),
    indices: null,
  }),
});

export const gatherND = defineOp({
  type: "GatherND",
  inputs: ["x", "indices"],
  attrs: { batch_dims: 0 },
  infer({ x, indices }, { batch_dims }) {
    const depth = indices.shape?.at(-1);
    if (x.shape === undefined || typeof depth !== "number") return { dtype: x.dtype, shape: undefined };
    return { dtype: x.dtype, shape: [...indices.shape!.slice(0, -1), ...x.shape.slice(batch_dims + depth)] };
  },
  grad(g, { x, indices, dy, attrs: { batch_dims } }) {
    const back =
      batch_dims === 0
        ? sumRows(g, x, indices, dy)
        : putBack(g, x, dy, (places) => g.gatherND(places, indices, { batchDims: batch_dims }));
    return { x: back, indices: null };
  },
});

type Reduction = "none" | "add" | "mul" | "min" | "max";

/** One of the two scatters, with its indices, and the gather that reads the same places. */
interface Places {
  readonly write: (into: Value, updates: Value, reduction: Reduction) => Value;
  readonly read: (from: Value) => Value;
}

interface Written {
  readonly x: Value;
  readonly updates: Value;
  readonly y: Value;
  readonly dy: Value;
}

/** Gradients of what is written to and of what is written; PyTorch's rules for each reduction. */
function scatterBack(
  g: GraphBuilder,
  { write, read }: Places,
  { x, updates, y, dy }: Written,
  reduction: string,
): { x: Value; updates: Value } {
  const dtype = dy.dtype ?? "float32";
  switch (reduction) {
    case "none":
      return { x: write(dy, g.zerosLike(updates), "none"), updates: read(dy) };
    case "add":
      return { x: dy, updates: read(dy) };
    case "mul": {
      // the product of the others; of several zeros none has a gradient
      const [xZeros, zeros] = [x, updates].map((t) => g.cast(g.equal(t, 0), dtype)) as [Value, Value];
      const [xSafe, safe] = [x, updates].map((t) => g.where(g.equal(t, 0), 1, t)) as [Value, Value];
      const [count, product] = [write(xZeros, zeros, "add"), write(xSafe, safe, "mul")];
      const others = (all: Value, own: Value, total: Value, ownZeros: Value, upstream: Value) =>
        g.mul(upstream, g.where(g.greater(g.sub(total, ownZeros), 0), 0, g.div(all, own)));
      return {
        x: others(product, xSafe, count, xZeros, dy),
        updates: others(read(product), safe, read(count), zeros, read(dy)),
      };
    }
    case "min":
    case "max": {
      // all that equal the extreme share its gradient
      const won = g.cast(g.equal(updates, read(y)), dtype);
      const kept = g.cast(g.equal(x, y), dtype);
      const each = g.div(dy, write(kept, won, "add"));
      return { x: g.mul(each, kept), updates: g.mul(read(each), won) };
    }
    default:
      throw new GraphError(
        "gradient",
        `a scatter with reduction "${reduction}" is unknown; use none, add, mul, min or max`,
      );
  }
}

export const scatterElements = defineOp({
  type: "ScatterElements",
  inputs: ["x", "indices", "updates"],
  attrs: { axis: 0, reduction: "none" },
  infer: ({ x }) => like(x),
  grad(g, { x, indices, updates, y, dy, attrs: { axis, reduction } }) {
    const write: Places["write"] = (into, from, by) => g.scatterElements(into, indices, from, { axis, reduction: by });
    const read: Places["read"] = (from) => g.gatherElements(from, indices, { axis });
    return { ...scatterBack(g, { write, read }, { x, updates, y, dy }, reduction), indices: null };
  },
});

export const scatterND = defineOp({
  type: "ScatterND",
  inputs: ["x", "indices", "updates"],
  attrs: { reduction: "none" },
  infer: ({ x }) => like(x),
  grad(g, { x, indices, updates, y, dy, attrs: { reduction } }) {
    const write: Places["write"] = (into, from, by) =>
      by === "add" ? g.add(into, sumRows(g, into, indices, from)) : g.scatterND(into, indices, from, { reduction: by });
    const read: Places["read"] = (from) => g.gatherND(from, indices);
    return { ...scatterBack(g, { write, read }, { x, updates, y, dy }, reduction), indices: null };
  },
});
