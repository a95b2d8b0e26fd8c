/** @file If, Loop and Scan: their shape rules. Their gradients need the engine and lie in autodiff/. */

import { GraphError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Dim, ValueInfo } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { body, defineOp, int, ints } from "./op.js";

const anything: Known = { dtype: undefined, shape: undefined };

function knownOf(info: ValueInfo | undefined): Known {
  return info === undefined ? anything : { dtype: info.dtype, shape: info.shape };
}

/** What is surely so whichever of two it is. */
function either(a: Known, b: Known): Known {
  const same = a.shape !== undefined && b.shape !== undefined && a.shape.length === b.shape.length;
  const shape = same ? a.shape.map((dim, i): Dim => (dim === b.shape![i] ? dim : "?")) : undefined;
  return { dtype: a.dtype ?? b.dtype, shape };
}

export const ifOp = defineOp({
  type: "If",
  inputs: ["cond"],
  outputs: ["...ys"],
  attrs: { then_branch: body(), else_branch: body() },
  infer: (_, { then_branch: a, else_branch: b }, { node }) =>
    node.outputs.map((_, i) => either(knownOf(a?.outputs[i]), knownOf(b?.outputs[i]))),
  grad: null,
});

export const loop = defineOp({
  type: "Loop",
  inputs: ["count?", "cond?", "...states"],
  outputs: ["...ys"],
  attrs: { body: body() },
  infer({ states }, { body: inner }, { node }) {
    return node.outputs.map((_, i) => {
      const info = knownOf(inner?.outputs[i + 1]);
      if (i < states.length) return either(states[i]!, info);
      return { dtype: info.dtype, shape: info.shape === undefined ? undefined : ["?", ...info.shape] };
    });
  },
  grad: null,
});

export const scan = defineOp({
  type: "Scan",
  inputs: ["...xs"],
  outputs: ["...ys"],
  attrs: {
    body: body(),
    num_scan_inputs: int(),
    scan_input_axes: ints(),
    scan_input_directions: ints(),
    scan_output_axes: ints(),
    scan_output_directions: ints(),
  },
  infer({ xs }, { body: inner, num_scan_inputs: slices = 0, scan_input_axes, scan_output_axes }, { node }) {
    const states = xs.length - slices;
    const first = xs[states];
    const length = first?.shape?.at(scan_input_axes?.[0] ?? 0) ?? "?";
    return node.outputs.map((_, i) => {
      const info = knownOf(inner?.outputs[i]);
      if (i < states) return either(xs[i]!, info);
      if (info.shape === undefined) return { dtype: info.dtype, shape: undefined };
      const at = scan_output_axes?.[i - states] ?? 0;
      const from = at < 0 ? at + info.shape.length + 1 : at;
      return { dtype: info.dtype, shape: [...info.shape.slice(0, from), length, ...info.shape.slice(from)] };
    });
  },
  grad: null,
  // its gradient wants slices along the first axis
  expand(g, { xs, attrs, node }) {
    const { body: inner, num_scan_inputs: slices, scan_input_axes, scan_output_axes, ...directions } = attrs;
    if (inner === undefined || slices === undefined) throw new GraphError("Scan", "it has no body");
    const axes = [...(scan_input_axes ?? []), ...(scan_output_axes ?? [])];
    if (axes.every((axis) => axis === 0)) return undefined;
    const states = xs.length - slices;
    const inputs = xs.map((x, i) => (i < states ? x : toFirst(g, x, scan_input_axes?.[i - states] ?? 0)));
    const plain = { body: inner, num_scan_inputs: slices, ...directions };
    const results = g.ops("Scan", inputs, plain, { outputs: node.outputs.length });
    return results.map((y, i) => (i < states ? y : fromFirst(g, y, scan_output_axes?.[i - states] ?? 0)));
  },
});

/** With this axis first. */
function toFirst(g: GraphBuilder, x: Value, axis: number): Value {
  if (axis === 0) return x;
  const rank = rankOf(x);
  const at = axis < 0 ? axis + rank : axis;
  const order = Array.from({ length: rank }, (_, i) => i);
  return g.transpose(x, [at, ...order.toSpliced(at, 1)]);
}

/** With the first axis at this place. */
function fromFirst(g: GraphBuilder, y: Value, axis: number): Value {
  if (axis === 0) return y;
  const rank = rankOf(y);
  const rest = Array.from({ length: rank - 1 }, (_, i) => i + 1);
  return g.transpose(y, rest.toSpliced(axis < 0 ? axis + rank : axis, 0, 0));
}

function rankOf({ rank }: Value): number {
  if (rank === undefined) throw new GraphError("Scan", "its axes need the number of dimensions of what they are of");
  return rank;
}
