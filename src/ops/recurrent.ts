/** @file LSTM, GRU and RNN: differentiated through their steps, written out one by one or as a Loop. */

import { GraphError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { lstmGradient } from "./lstm-gradient.js";
import { type Attrs, defineOp, floats, int, optionalFloat, texts } from "./op.js";
import { activationsOf, type Cell, gruCell, lstmCell, rnnCell } from "./recurrent-cells.js";
import { loopOver } from "./rounds.js";

/** Sequences of at most this many steps are written out; longer ones, or of unknown length, run in a Loop. */
const maxUnrolled = 256;

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
  const isSized = isKnown(x) && isKnown(r) && steps > 0 && steps <= maxUnrolled;
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
  const advance = (
    b: GraphBuilder,
    xt: Value,
    t: Value | number,
    states: readonly Value[],
  ): [next: Value[], y: Value] => {
    const next = cell.step(b, xt, states, weights);
    if (s.lengths === undefined) return [next, next[0]!];
    // a sequence that has ended keeps its states and gives zeros
    const length = b.cast(s.lengths, "int64");
    const time = typeof t === "number" ? b.constant(t, "int64") : t;
    const going = b.unsqueeze(b.less(time, length), [1]);
    return [next.map((state, i) => b.where(going, state, states[i]!)), b.where(going, next[0]!, 0)];
  };
  const steps = x.shape?.[0];
  if (typeof steps !== "number" || steps > maxUnrolled || steps === 0) {
    const count = g.squeeze(g.shapeOf(x, { start: 0, end: 1 }), [0]);
    const results = loopOver(g, count, first, 1, (b, iteration, states) => {
      const t = reverse ? b.sub(b.sub(count, 1), iteration) : iteration;
      const [next, y] = advance(b, b.gather(biased, t), t, states);
      return [...next, y];
    });
    const y = results.at(-1)!;
    return [reverse ? g.slice(y, [-1], [-(2 ** 31)], { axes: [0], steps: [-1] }) : y, ...results.slice(0, -1)];
  }
  const inputs = steps === 1 ? [biased] : g.split(biased, new Array<number>(steps).fill(1));
  const ys = new Array<Value>(steps);
  let states: readonly Value[] = first;
  for (let i = 0; i < steps; i++) {
    const t = reverse ? steps - 1 - i : i;
    const [next, y] = advance(g, g.squeeze(inputs[t]!, [0]), t, states);
    ys[t] = g.unsqueeze(y, [0]);
    states = next;
  }
  return [steps === 1 ? ys[0]! : g.concat(ys[0]!, ys.slice(1), { axis: 0 }), ...states];
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
