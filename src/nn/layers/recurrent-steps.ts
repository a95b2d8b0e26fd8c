/** @file A recurrent layer's steps: in a Scan with a gradient of its own, written out, or in a Loop. */

import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import type { Cell } from "../../ops/recurrent-cells.js";
import { loopOver } from "../../ops/rounds.js";
import { join, pieces } from "../../ops/steps.js";
import type { BuildContext } from "../layer.js";

/** While training, sequences of at most this many steps are written out; longer ones run in a Loop. */
const maxUnrolled = 200;

export interface Recurrent {
  readonly type: string;
  /** Gates of the cell: the kernels have this many times `units` columns. */
  readonly gates: number;
  /** Number of states, the result first. */
  readonly states: number;
  /** Bias [gates * units] of the inputs, and that of the recurrent product. */
  readonly bias: Value | undefined;
  readonly recurrentBias?: Value | undefined;
  /** The cell with the layer's activations. */
  cell(drop: ((g: GraphBuilder, h: Value) => Value) | undefined): Cell;
  /** All steps at once, with a gradient of their own, where there is no mask and no dropped state. */
  readonly steps?: Steps | undefined;
  /** ONNX's operator and its attributes, where its activations are the layer's. */
  readonly operator: { readonly opType: string; readonly attrs?: Record<string, number> } | undefined;
}

/** Goes over all steps. */
export type Steps = (g: GraphBuilder, sequence: Sequence) => Stepped;

export interface Sequence {
  /** In the order of time, [steps, batch, features]. */
  readonly x: Value;
  readonly kernel: Value;
  readonly recurrent: Value;
  readonly bias: Value | undefined;
  /** First states, [batch, units] each. */
  readonly states: readonly Value[];
  /** Whether it is read from its end. */
  readonly backwards: boolean;
}

/** Results of all steps, [steps, batch, units], in the order of time; and the last states. */
interface Stepped {
  readonly joined: Value;
  readonly last: readonly Value[];
}

/** A layer's run over a sequence. */
export interface Run {
  readonly context: BuildContext;
  readonly x: Value;
  readonly given: readonly Value[];
  readonly kernel: Value;
  readonly recurrent: Value;
  readonly mask: Value | undefined;
  readonly params: {
    readonly units: number;
    readonly recurrentDropout: number;
    readonly goBackwards: boolean;
    readonly outputOrder: "made" | "time";
  };
  readonly layer: Recurrent;
}

export interface Ran {
  /** [batch, time, units]. */
  readonly sequence: Value;
  /** [batch, units] each. */
  readonly states: readonly Value[];
}

/** Every step's operators, or a Loop of them. */
export function asSteps(run: Run): Ran {
  const { context, x, given, recurrent, mask, params, layer } = run;
  const { g } = context;
  const { units, goBackwards, outputOrder } = params;
  const states = given.length > 0 ? given : firstStates(g, x, units, layer.states);
  const [batch, steps] = x.shape!;
  const inTime = ({ joined, last }: Stepped): Ran => {
    const sequence = g.transpose(joined, [1, 0, 2]);
    return { sequence: goBackwards && outputOrder === "made" ? flip(g, sequence) : sequence, states: last };
  };
  const inOrder = g.transpose(x, [1, 0, 2]);
  const isPlain = mask === undefined && params.recurrentDropout === 0;
  if (context.training && typeof batch === "number" && layer.steps !== undefined && isPlain) {
    const { kernel } = run;
    return inTime(layer.steps(g, { x: inOrder, kernel, recurrent, bias: layer.bias, states, backwards: goBackwards }));
  }
  const gates = toGates(run, inOrder);
  const cell = layer.cell(stateDrop(context, x, units, params.recurrentDropout));
  const prepared = cell.prepare(g, { r: recurrent, bias: layer.recurrentBias, peepholes: undefined, hidden: units });
  const counts = mask === undefined ? undefined : g.unsqueeze(g.transpose(mask, [1, 0]), [2]);
  const advance: Over["advance"] = (b, xt, before, isCounted) => {
    const next = cell.step(b, xt, before, prepared);
    // a place that does not count leaves the states as they are
    return isCounted === undefined ? next : next.map((state, i) => b.where(isCounted, state, before[i]!));
  };
  const over = { g, gates, states, counts, advance, goBackwards };
  const isShort = context.training && typeof steps === "number" && typeof batch === "number" && steps <= maxUnrolled;
  if (isShort) return inTime(oneByOne(over, steps, batch));
  const { made: stacked, last } = inLoop(over, x);
  // how often a Loop goes round is not known before it runs
  const made = typeof steps === "number" ? g.reshape(stacked, [0, steps, units]) : stacked;
  // it gives the steps in the order in which they are made
  return { sequence: goBackwards && outputOrder === "time" ? flip(g, made) : made, states: last };
}

/** What inputs, [..., features], give to all gates. */
function toGates({ context: { g }, kernel, layer: { bias } }: Pick<Run, "context" | "kernel" | "layer">, x: Value) {
  const sums = g.matmul(x, kernel);
  return bias === undefined ? sums : g.add(sums, bias);
}

interface Over {
  readonly g: GraphBuilder;
  /** What the inputs give to the gates, [time, batch, gates * units]. */
  readonly gates: Value;
  readonly states: readonly Value[];
  /** Which places count, [time, batch, 1]. */
  readonly counts: Value | undefined;
  readonly advance: (b: GraphBuilder, xt: Value, states: readonly Value[], isCounted: Value | undefined) => Value[];
  readonly goBackwards: boolean;
}

function inLoop({ g, gates, states, counts, advance, goBackwards }: Over, x: Value) {
  const count = g.squeeze(g.shapeOf(x, { start: 1, end: 2 }), [0]);
  const results = loopOver(g, count, states, 1, (b, iteration, before) => {
    const t = goBackwards ? b.sub(b.sub(count, 1), iteration) : iteration;
    const next = advance(b, b.gather(gates, t), before, counts && b.gather(counts, t));
    return [...next, next[0]!];
  });
  return { made: g.transpose(results.at(-1)!, [1, 0, 2]), last: results.slice(0, -1) };
}

function oneByOne({ g, gates, states, counts, advance, goBackwards }: Over, steps: number, batch: number): Stepped {
  // pieces of two dimensions need no operators that only change the form
  const cut = (v: Value) => pieces(g, g.reshape(v, [steps * batch, -1]), steps);
  const xs = cut(gates);
  const counted = counts && cut(counts);
  let last = states;
  const results = new Array<Value>(steps);
  for (let i = 0; i < steps; i++) {
    const t = goBackwards ? steps - 1 - i : i;
    last = advance(g, xs[t]!, last, counted?.[t]);
    results[t] = last[0]!;
  }
  return { joined: g.reshape(join(g, results), [steps, batch, -1]), last };
}

function firstStates(g: GraphBuilder, x: Value, units: number, count: number): Value[] {
  const batch = x.shape![0];
  const shape =
    typeof batch === "number"
      ? g.ints([batch, units])
      : g.concat(g.shapeOf(x, { start: 0, end: 1 }), [g.ints([units])], { axis: 0 });
  const zeros = g.fill(shape, 0);
  return new Array<Value>(count).fill(zeros);
}

/** Some features become 0, the same ones at every step (Gal and Ghahramani, 2016). */
export function dropped(context: BuildContext, x: Value, rate: number): Value {
  if (!context.training || rate === 0) return x;
  const [batch, , features] = x.shape as readonly number[];
  return context.g.mul(x, keepers(context, [batch!, 1, features!], rate));
}

function stateDrop(context: BuildContext, x: Value, units: number, rate: number) {
  if (!context.training || rate === 0) return undefined;
  const kept = keepers(context, [x.shape![0] as number, units], rate);
  return (b: GraphBuilder, h: Value) => b.mul(h, kept);
}

function keepers({ g, uniform }: BuildContext, shape: readonly number[], rate: number): Value {
  return g.mul(g.cast(g.greaterOrEqual(uniform(shape), rate), "float32"), rate === 1 ? 0 : 1 / (1 - rate));
}

/** The steps in the opposite order. */
export function flip(g: GraphBuilder, sequence: Value): Value {
  return g.slice(sequence, [-1], [-(2 ** 31)], { axes: [1], steps: [-1] });
}
