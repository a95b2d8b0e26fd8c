/** @file A recurrent layer's steps: a Scan over them. */

import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import type { Cell } from "../../ops/recurrent-cells.js";
import { scanOver } from "../../ops/rounds.js";
import type { BuildContext } from "../layer.js";

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

/** A Scan, with the layer's own steps where it has some and nothing differs from step to step, or with its cell. */
export function asSteps(run: Run): Ran {
  const { context, x, given, kernel, recurrent, mask, params, layer } = run;
  const { g } = context;
  const { units, goBackwards, outputOrder } = params;
  const states = given.length > 0 ? given : firstStates(g, x, units, layer.states);
  const isPlain = mask === undefined && params.recurrentDropout === 0;
  const hasOwn = context.training && typeof x.shape![0] === "number" && layer.steps !== undefined && isPlain;
  const inOrder = g.transpose(x, [1, 0, 2]);
  const { joined, last } = hasOwn
    ? layer.steps(g, { x: inOrder, kernel, recurrent, bias: layer.bias, states, backwards: goBackwards })
    : byCell(run, inOrder, states);
  const sequence = g.transpose(joined, [1, 0, 2]);
  return { sequence: goBackwards && outputOrder === "made" ? flip(g, sequence) : sequence, states: last };
}

function byCell({ context, kernel, recurrent, mask, params, layer }: Run, x: Value, states: readonly Value[]): Stepped {
  const { g } = context;
  const { units, goBackwards: backwards } = params;
  const cell = layer.cell(stateDrop(context, states[0]!, params.recurrentDropout));
  const prepared = cell.prepare(g, { r: recurrent, bias: layer.recurrentBias, peepholes: undefined, hidden: units });
  const sums = g.matmul(x, kernel);
  const gates = layer.bias === undefined ? sums : g.add(sums, layer.bias);
  const counts = mask === undefined ? [] : [g.unsqueeze(g.transpose(mask, [1, 0]), [2])];
  const made = scanOver(g, { states, slices: [gates, ...counts], backwards }, (b, before, [xt, counts]) => {
    const made = cell.step(b, xt!, before, prepared);
    // a place that does not count leaves the states as they are
    const next = counts === undefined ? made : made.map((state, i) => b.where(counts, state, before[i]!));
    return [...next, next[0]!];
  });
  return { joined: made.at(-1)!, last: made.slice(0, -1) };
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

function stateDrop(context: BuildContext, state: Value, rate: number) {
  if (!context.training || rate === 0) return undefined;
  const kept = keepers(context, state.shape as readonly number[], rate);
  return (b: GraphBuilder, h: Value) => b.mul(h, kept);
}

function keepers({ g, uniform }: BuildContext, shape: readonly number[], rate: number): Value {
  return g.mul(g.cast(g.greaterOrEqual(uniform(shape), rate), "float32"), rate === 1 ? 0 : 1 / (1 - rate));
}

/** The steps in the opposite order. */
export function flip(g: GraphBuilder, sequence: Value): Value {
  return g.slice(sequence, [-1], [-(2 ** 31)], { axes: [1], steps: [-1] });
}
