/** @file The gradient of an LSTM: of ONNX's operator, and of steps whose gates and cells are known. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { join, parts, pieces } from "./steps.js";

/** Inputs, results and their gradients as ONNX has them, of one direction: x [time, batch, features], y [time, 1, batch, hidden]. */
export interface LstmRun {
  readonly x: Value;
  readonly w: Value;
  readonly r: Value;
  readonly bias: Value | undefined;
  readonly h0: Value | undefined;
  readonly c0: Value | undefined;
  readonly y: Value;
  readonly dy: Value | undefined;
  readonly dh: Value | undefined;
  readonly dc: Value | undefined;
  readonly reverse: boolean;
  readonly wantsX: boolean;
}

/**
 * With i, o, f = s(x W' + h R' + b), k = tanh(x W' + h R' + b), c' = f c + i k, h' = o tanh(c').
 * What the operator keeps to itself follows from y: gates for all steps at once, cells in two operators a step.
 */
export function lstmGradient(g: GraphBuilder, run: LstmRun) {
  const [steps, batch, features] = run.x.shape as [number, number, number];
  const hidden = run.r.shape![2] as number;
  const order = Array.from({ length: steps }, (_, t) => (run.reverse ? steps - 1 - t : t));
  const flat = (v: Value, width = hidden) => g.reshape(v, [-1, width]);
  const first = (state: Value | undefined) => (state === undefined ? g.fill(g.ints([batch, hidden]), 0) : flat(state));
  const [h0, c0] = [first(run.h0), first(run.c0)];
  const [x, w, r] = [flat(run.x, features), flat(run.w, features), flat(run.r)];

  // the states before each step
  const ys = flat(run.y);
  const before = run.reverse ? g.slice(ys, [batch], [steps * batch]) : g.slice(ys, [0], [(steps - 1) * batch]);
  const h = steps === 1 ? h0 : join(g, run.reverse ? [before, h0] : [h0, before]);
  const four = (v: Value) => g.split(v, 4) as [Value, Value, Value, Value];
  const bias = run.bias && four(g.reduceSum(g.reshape(run.bias, [2, -1]), { axes: [0], keepdims: false }));
  const [ws, rs] = [four(w), four(r)];
  const sums = ws.map((part, at) =>
    g.gemm(h, rs[at]!, g.gemm(x, part, bias?.[at], { transB: true }), { transB: true }),
  ) as [Value, Value, Value, Value];
  const [i, o, f] = [g.sigmoid(sums[0]), g.sigmoid(sums[1]), g.sigmoid(sums[2])];
  const k = g.tanh(sums[3]);
  const forget = pieces(g, f, steps);
  const added = pieces(g, g.mul(i, k), steps);
  const befores: Value[] = [];
  const cells: Value[] = [];
  let cell = c0;
  for (const t of order) {
    befores[t] = cell;
    cell = g.add(g.mul(forget[t]!, cell), added[t]!);
    cells[t] = cell;
  }
  const squashed = g.tanh(join(g, cells));

  const back = lstmBack(g, {
    segments: [{ i, o, f, k, squashed, before: join(g, befores), forget }],
    ...{ backwards: run.reverse, dy: run.dy && flat(run.dy), dh: run.dh && flat(run.dh), dc: run.dc && flat(run.dc) },
    toState: (after, outside) => g.gemm(after, r, outside),
  });
  const dz = back.dz[0]!;
  const weight = (left: Value) => g.unsqueeze(g.gemm(dz, left, undefined, { transA: true }), [0]);
  const dBias = () => g.reduceSum(dz, { axes: [0], keepdims: true });
  return {
    x: run.wantsX ? g.reshape(g.gemm(dz, w), [steps, batch, features]) : null,
    w: weight(x),
    r: weight(h),
    bias: run.bias && g.tile(dBias(), [1, 2]),
    h0: run.h0 && g.unsqueeze(back.dh, [0]),
    c0: run.c0 && g.unsqueeze(back.dc, [0]),
  };
}

/** Steps that follow one another. */
export interface LstmSegment {
  /** [steps * batch, hidden] each: gates, candidate, tanh of the next cell, the cell before. */
  readonly i: Value;
  readonly o: Value;
  readonly f: Value;
  readonly k: Value;
  readonly squashed: Value;
  readonly before: Value;
  /** The forget gates, step by step. */
  readonly forget: readonly Value[];
}

export interface LstmBack {
  /** All steps, in the order of time. */
  readonly segments: readonly LstmSegment[];
  /** Whether they went from the last in time to the first. */
  readonly backwards: boolean;
  /** Gradients of all results, the last state and the last cell. */
  readonly dy: Value | undefined;
  readonly dh: Value | undefined;
  readonly dc: Value | undefined;
  /** What a step's sums give to the state before it, and what comes from outside added. */
  readonly toState: (dz: Value, outside: Value | undefined) => Value;
}

/**
 * Gradients of the gates' sums, segment by segment, and of the first states, with the factors of all steps known:
 *
 *   dh = dy + dz' R',  dc = dh o (1 - tanh(c)^2) + dc' f',  dz = [dc k i (1-i), dh tanh(c) o (1-o), dc c f (1-f), dc i (1-k^2)]
 *
 * where primes are the next step's: six operators a step, where the rules of the operators take twenty-two.
 */
export function lstmBack(g: GraphBuilder, { segments, backwards, toState, ...run }: LstmBack) {
  const forget = segments.flatMap((segment) => segment.forget);
  const factors = segments.flatMap((segment) => factorsOf(g, segment));
  const toCell = segments.flatMap((segment) => {
    return pieces(g, tanhBack(g, segment.squashed, segment.o), segment.forget.length);
  });
  const dys = run.dy && pieces(g, run.dy, forget.length);
  const dzs: Value[] = [];
  let after: { readonly dz: Value; readonly carried: Value } | undefined;
  for (let step = forget.length - 1; step >= 0; step--) {
    const t = backwards ? forget.length - 1 - step : step;
    const dy = dys?.[t];
    // the last step has its own gradient from outside, later ones add theirs to the next step's product
    const outside = after === undefined && run.dh !== undefined ? (dy ? g.add(dy, run.dh) : run.dh) : dy;
    const dh = after === undefined ? (outside ?? g.zerosLike(forget[t]!)) : toState(after.dz, outside);
    const direct = g.mul(dh, toCell[t]!);
    const carried = after?.carried ?? run.dc;
    const dc = carried === undefined ? direct : g.add(carried, direct);
    const dz = g.mul(g.concat(dc, [dh, dc, dc], { axis: 1 }), factors[t]!);
    dzs[t] = dz;
    after = { dz, carried: g.mul(dc, forget[t]!) };
  }
  const lengths = segments.map((segment) => segment.forget.length);
  return {
    dz: parts(dzs, lengths).map((part) => join(g, part)),
    dh: toState(after!.dz, undefined),
    dc: after!.carried,
  };
}

/** By what the gradients of a segment's cells and states give those of its gates' sums, step by step. */
function factorsOf(g: GraphBuilder, { i, o, f, k, squashed, before, forget }: LstmSegment): readonly Value[] {
  const gates = [sigmoidBack(g, i, k), sigmoidBack(g, o, squashed), sigmoidBack(g, f, before), tanhBack(g, k, i)];
  return pieces(g, join(g, gates, 1), forget.length);
}

/** x s (1 - s), the derivative of a sigmoid times what stands with it. */
function sigmoidBack(g: GraphBuilder, s: Value, x: Value): Value {
  return g.mul(g.mul(s, g.sub(1, s)), x);
}

function tanhBack(g: GraphBuilder, s: Value, x: Value): Value {
  return g.mul(g.sub(1, g.square(s)), x);
}
