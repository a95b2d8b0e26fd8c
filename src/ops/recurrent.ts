/** @file LSTM, GRU and RNN: differentiated through a Scan of their steps. */

import { GraphError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { lstmGradient } from "./lstm-gradient.js";
import { type Attrs, defineOp, floats, int, optionalFloat, texts } from "./op.js";
import { activationsOf, type Cell, gruCell, lstmCell, rnnCell } from "./recurrent-cells.js";
import { scanOver } from "./rounds.js";

const attrs = {
  activations: texts(),
  activation_alpha: floats(),
  activation_beta: floats(),
  clip: optionalFloat(),
  direction: "forward",
  hidden_size: int(),
  layout: 0,
};

const lstmAttrs = { ...attrs, input_forget: 0 };

interface Sequence {
  readonly x: Value;
  readonly w: Value;
  readonly r: Value;
  readonly bias: Value | undefined;
  readonly lengths: Value | undefined;
  /** First states, [directions, batch, hidden] each; undefined ones are zeros. */
  readonly states: readonly (Value | undefined)[];
  readonly peepholes?: Value | undefined;
  readonly direction: string;
  readonly layout: number;
  readonly cell: (direction: number) => Cell;
}

export const lstm = defineOp({
  type: "LSTM",
  inputs: ["x", "w", "r", "bias?", "lengths?", "h0?", "c0?", "p?"],
  outputs: ["y", "h", "c"],
  attrs: lstmAttrs,
  infer: ({ x, r }, given) => outputsKnown(x, r, given, 3),
  grad(g, { attrs: given, lengths, p, wants, ...run }) {
    if (!isPlainLstm(run, given, lengths, p)) {
      throw new GraphError(
        "LSTM",
        "this form has no gradient where a graph is built; differentiate the finished graph",
      );
    }
    const grads = lstmGradient(g, { ...run, reverse: given.direction === "reverse", wantsX: wants("x") });
    return { ...grads, lengths: null, p: null };
  },
  expand(g, { x, w, r, bias, lengths, h0, c0, p, attrs: given }) {
    if (isPlainLstm({ x, r }, given, lengths, p)) return undefined;
    const cell = (direction: number) =>
      lstmCell({
        activations: activationsOf(given, direction, ["Sigmoid", "Tanh", "Tanh"]),
        clip: given.clip,
        coupled: given.input_forget !== 0,
      });
    const { direction, layout } = given;
    return overSteps(g, { x, w, r, bias, lengths, states: [h0, c0], peepholes: p, direction, layout, cell });
  },
});

/** Whether `lstmGradient` does: sizes that are known, the usual activations, one direction. */
function isPlainLstm(
  { x, r }: { readonly x: Value; readonly r: Value },
  given: Attrs<typeof lstmAttrs>,
  lengths: Value | undefined,
  peepholes: Value | undefined,
): boolean {
  const isKnown = ({ shape }: Value) => shape?.every((dim) => typeof dim === "number") === true;
  const steps = Number(x.shape?.[0]);
  const isSized = isKnown(x) && isKnown(r) && steps > 0;
  const isUsual = given.activations === undefined && !given.clip && given.input_forget === 0 && peepholes === undefined;
  const isOneWay = given.direction !== "bidirectional" && given.layout === 0 && lengths === undefined;
  return isSized && isUsual && isOneWay && x.dtype === "float32";
}

export const gru = defineOp({
  type: "GRU",
  inputs: ["x", "w", "r", "bias?", "lengths?", "h0?"],
  outputs: ["y", "h"],
  attrs: { ...attrs, linear_before_reset: 0 },
  infer: ({ x, r }, given) => outputsKnown(x, r, given, 2),
  grad: null,
  expand(g, { x, w, r, bias, lengths, h0, attrs: given }) {
    const cell = (direction: number) =>
      gruCell({
        activations: activationsOf(given, direction, ["Sigmoid", "Tanh"]),
        clip: given.clip,
        resetAfter: given.linear_before_reset !== 0,
      });
    return overSteps(g, {
      x,
      w,
      r,
      bias,
      lengths,
      states: [h0],
      direction: given.direction,
      layout: given.layout,
      cell,
    });
  },
});

export const rnn = defineOp({
  type: "RNN",
  inputs: ["x", "w", "r", "bias?", "lengths?", "h0?"],
  outputs: ["y", "h"],
  attrs,
  infer: ({ x, r }, given) => outputsKnown(x, r, given, 2),
  grad: null,
  expand(g, { x, w, r, bias, lengths, h0, attrs: given }) {
    const cell = (direction: number) =>
      rnnCell({ activations: activationsOf(given, direction, ["Tanh"]), clip: given.clip });
    return overSteps(g, {
      x,
      w,
      r,
      bias,
      lengths,
      states: [h0],
      direction: given.direction,
      layout: given.layout,
      cell,
    });
  },
});

function outputsKnown(
  x: Known,
  r: Known,
  { layout, hidden_size: size }: { layout: number; hidden_size: number | undefined },
  count: number,
): Known[] {
  const directions: Dim = r.shape?.[0] ?? "?";
  const hidden: Dim = size ?? r.shape?.[2] ?? "?";
  const [time, batch] =
    layout === 0 ? [x.shape?.[0] ?? "?", x.shape?.[1] ?? "?"] : [x.shape?.[1] ?? "?", x.shape?.[0] ?? "?"];
  const y = layout === 0 ? [time, directions, batch, hidden] : [batch, time, directions, hidden];
  const last = layout === 0 ? [directions, batch, hidden] : [batch, directions, hidden];
  return Array.from({ length: count }, (_, i): Known => ({ dtype: x.dtype, shape: i === 0 ? y : last }));
}

/** All steps of all directions; gives Y and the last states. */
function overSteps(g: GraphBuilder, s: Sequence): Value[] {
  const x = s.layout === 0 ? s.x : g.transpose(s.x, [1, 0, 2]);
  const directions = s.direction === "bidirectional" ? 2 : 1;
  const results = Array.from({ length: directions }, (_, d) =>
    oneDirection(g, s, x, d, s.direction === "reverse" || d === 1),
  );
  return results[0]!.map((_, i) => {
    const parts = results.map((result) => g.unsqueeze(result[i]!, [i === 0 ? 1 : 0]));
    const joined = parts.length === 1 ? parts[0]! : g.concat(parts[0]!, parts.slice(1), { axis: i === 0 ? 1 : 0 });
    if (s.layout === 0) return joined;
    return g.transpose(joined, i === 0 ? [2, 0, 1, 3] : [1, 0, 2]);
  });
}

/** [y [time, batch, hidden], ...last states [batch, hidden]]. */
function oneDirection(g: GraphBuilder, s: Sequence, x: Value, direction: number, reverse: boolean): Value[] {
  const part = (v: Value | undefined) => (v === undefined ? undefined : g.gather(v, direction));
  const [w, r] = [part(s.w)!, part(s.r)!];
  const hidden = r.shape?.[1];
  if (typeof hidden !== "number") throw new GraphError("recurrent", "the gradient needs the hidden size of R");
  const cell = s.cell(direction);
  const bias = part(s.bias);
  const gates = cell.gates * hidden;
  const [wb, rb] = bias === undefined ? [undefined, undefined] : (g.split(bias, [gates, gates]) as [Value, Value]);
  // the part of all gates that the inputs give: one product for all steps
  const input = g.matmul(x, g.transpose(w, [1, 0]));
  const biased = wb === undefined ? input : g.add(input, wb);
  const weights = cell.prepare(g, { r: g.transpose(r, [1, 0]), bias: rb, peepholes: part(s.peepholes), hidden });
  const batch = batchOf(g, x, hidden);
  const first = s.states.map((state) =>
    state === undefined ? batch.zeros() : part(s.layout === 0 ? state : g.transpose(state, [1, 0, 2]))!,
  );
  const scanned = { states: first, slices: [biased, ...going(g, s.lengths, x)], backwards: reverse };
  const made = scanOver(g, scanned, (b, states, [xt, isGoing]) => {
    const next = cell.step(b, xt!, states, weights);
    if (isGoing === undefined) return [...next, next[0]!];
    // a sequence that has ended keeps its states and gives zeros
    return [...next.map((state, i) => b.where(isGoing, state, states[i]!)), b.where(isGoing, next[0]!, 0)];
  });
  return [made.at(-1)!, ...made.slice(0, -1)];
}

/** Which steps each sequence has, bool [time, batch, 1]; nothing where all have all. */
function going(g: GraphBuilder, lengths: Value | undefined, x: Value): readonly Value[] {
  if (lengths === undefined) return [];
  const count = g.squeeze(g.shapeOf(x, { start: 0, end: 1 }), [0]);
  const times = g.op("Range", [g.constant(0, "int64"), count, g.constant(1, "int64")]);
  return [g.unsqueeze(g.less(g.unsqueeze(times, [1]), g.unsqueeze(g.cast(lengths, "int64"), [0])), [2])];
}

function batchOf(g: GraphBuilder, x: Value, hidden: number): { zeros: () => Value } {
  const batch = x.shape?.[1];
  const dtype = x.dtype === "float64" ? "float64" : "float32";
  const shape = () =>
    typeof batch === "number"
      ? g.ints([batch, hidden])
      : g.concat(g.shapeOf(x, { start: 1, end: 2 }), [g.ints([hidden])], { axis: 0 });
  return { zeros: () => g.fill(shape(), 0, dtype) };
}
