/** @file If, Loop and Scan: their shape rules. Their gradients need the engine and lie in autodiff/; a Scan becomes a Loop. */

import { GraphError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import { inlineBody } from "../graph/inline.js";
import type { Known } from "../graph/known.js";
import type { Dim, ValueInfo } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { Tensor } from "../tensor/tensor.js";
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
  expand(g, { xs, attrs, node }) {
    const { body: inner, num_scan_inputs: slices } = attrs;
    if (inner === undefined || slices === undefined) throw new GraphError("Scan", "it has no body");
    const states = xs.slice(0, xs.length - slices);
    const scanned = xs.slice(xs.length - slices);
    const axisOf = (i: number) => attrs.scan_input_axes?.[i] ?? 0;
    const first = axisOf(0);
    const length = g.squeeze(
      g.shapeOf(scanned[0]!, { start: first, ...(first === -1 ? {} : { end: first + 1 }) }),
      [0],
    );
    const results = loopOver(g, length, states, node.outputs.length - states.length, (b, iteration, current) => {
      const parts = scanned.map((x, i) => {
        const backward = attrs.scan_input_directions?.[i] === 1;
        const at = backward ? b.sub(b.sub(length, 1), iteration) : iteration;
        return b.gather(x, at, { axis: axisOf(i) });
      });
      return inlineBody(b, inner, [...current, ...parts]);
    });
    return results.map((y, i) => {
      const k = i - states.length;
      if (k < 0) return y;
      const turned =
        attrs.scan_output_directions?.[k] === 1 ? g.slice(y, [-1], [-(2 ** 31)], { axes: [0], steps: [-1] }) : y;
      const axis = attrs.scan_output_axes?.[k] ?? 0;
      return axis === 0 ? turned : moveFirst(g, turned, axis);
    });
  },
});

function moveFirst(g: GraphBuilder, y: Value, axis: number): Value {
  if (y.rank === undefined)
    throw new GraphError("Scan", "scan_output_axes needs the number of dimensions of the output");
  const rest = Array.from({ length: y.rank - 1 }, (_, i) => i + 1);
  rest.splice(axis < 0 ? axis + y.rank : axis, 0, 0);
  return g.transpose(y, rest);
}

/**
 * Adds a Loop of `count` rounds. `step` gets the round's number and the states, and gives the next states, then what is
 * stacked over the rounds.
 */
export function loopOver(
  g: GraphBuilder,
  count: Value,
  states: readonly Value[],
  stacked: number,
  step: (b: GraphBuilder, iteration: Value, states: readonly Value[]) => readonly Value[],
): Value[] {
  const b = g.bodyBuilder();
  const iteration = b.bodyInput("iteration", "int64", []);
  const go = b.bodyInput("go", "bool", []);
  const current = states.map((x) => b.bodyInput("state", x.dtype, x.shape));
  const next = step(b, iteration, current);
  const outputs = [go, ...next].map((value): [string, Value] => [b.fresh("next"), value]);
  const inner = b.body(Object.fromEntries(outputs), "body");
  // the runtime wants two inputs
  const always = states.length === 0 ? g.constant(new Tensor("bool", Uint8Array.of(1), [])) : undefined;
  return g.ops("Loop", [count, always, ...states], { body: inner }, { outputs: states.length + stacked });
}
