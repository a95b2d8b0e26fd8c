/** @file The gradient of an LSTM: of ONNX's operator, and of steps whose gates and cells are known. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { join } from "./join.js";
import { scanBack, scanOver } from "./rounds.js";

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
  const flat = (v: Value, width = hidden) => g.reshape(v, [-1, width]);
  const stepwise = (v: Value) => g.reshape(v, [steps, batch, -1]);
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
  const [i, o, f] = [stepwise(g.sigmoid(sums[0])), stepwise(g.sigmoid(sums[1])), stepwise(g.sigmoid(sums[2]))];
  const k = stepwise(g.tanh(sums[3]));
  const added = g.mul(i, k);
  const scanned = { states: [c0] as const, slices: [f, added] as const, backwards: run.reverse };
  const [, kept, cells] = scanOver(g, scanned, (b, [c], [forget, more]) => {
    const kept = b.mul(forget, c);
    const next = b.add(kept, more);
    return [next, kept, next];
  });

  const back = lstmBack(g, {
    steps: { y: stepwise(ys), i, o, f, k, kept, added, squashed: g.tanh(cells) },
    ...{ recurrent: r, backwards: run.reverse },
    ...{ dy: run.dy && stepwise(run.dy), dh: run.dh && flat(run.dh), dc: run.dc && flat(run.dc) },
  });
  const dz = flat(back.dz, 4 * hidden);
  const weight = (left: Value) => g.unsqueeze(g.gemm(dz, left, undefined, { transA: true }), [0]);
  const dBias = () => g.reduceSum(dz, { axes: [0], keepdims: true });
  return {
    x: run.wantsX ? stepwise(g.gemm(dz, w)) : null,
    w: weight(x),
    r: weight(h),
    bias: run.bias && g.tile(dBias(), [1, 2]),
    h0: run.h0 && g.unsqueeze(back.dh, [0]),
    c0: run.c0 && g.unsqueeze(back.dc, [0]),
  };
}

/** What steps leave for their gradient, [steps, batch, hidden] each. */
export interface LstmSteps {
  /** Results, o tanh(c'). */
  readonly y: Value;
  readonly i: Value;
  readonly o: Value;
  readonly f: Value;
  readonly k: Value;
  /** f c and i k, which make the next cell, and its tanh. */
  readonly kept: Value;
  readonly added: Value;
  readonly squashed: Value;
}

export interface LstmBack {
  readonly steps: LstmSteps;
  /** [4 * hidden, hidden]. */
  readonly recurrent: Value;
  /** Whether steps went from the last in time to the first. */
  readonly backwards: boolean;
  /** Gradients of all results, [steps, batch, hidden], of the last state and the last cell. */
  readonly dy: Value | undefined;
  readonly dh: Value | undefined;
  readonly dc: Value | undefined;
}

/**
 * Gradients of the gates' sums, [steps, batch, 4 * hidden], and of the first states, with the factors of all steps made at once:
 *
 *   dh = dy + dz' R',  dc = dh o (1 - tanh(c)^2) + dc' f',  dz = [dc k i (1-i), dh tanh(c) o (1-o), dc c f (1-f), dc i (1-k^2)]
 *
 * where primes are the next step's: ten operators a step, where the rules of the operators take twenty-two.
 */
export function lstmBack(g: GraphBuilder, { steps, recurrent, backwards, dy, ...run }: LstmBack) {
  const { y, i, o, f, k, kept, added, squashed } = steps;
  const none = () => g.fill(g.ints(y.shape!.slice(1) as number[]), 0);
  const states = [run.dh ?? none(), run.dc ?? none()] as const;
  const factors = [
    g.mul(added, g.sub(1, i)),
    g.mul(y, g.sub(1, o)),
    g.mul(kept, g.sub(1, f)),
    g.sub(i, g.mul(added, k)),
    g.sub(o, g.mul(y, squashed)),
  ] as const;
  const slices = [...factors, f] as const;
  const scanned = { states, slices, backwards: !backwards };
  const [dh, dc, dz] = scanBack(g, dy, scanned, (b, [dh, carried], [toI, toO, toF, toK, toCell, forget]) => {
    const dc = b.add(carried, b.mul(dh, toCell));
    const dz = b.concat(b.mul(dc, toI), [b.mul(dh, toO), b.mul(dc, toF), b.mul(dc, toK)], { axis: 1 });
    return [b.gemm(dz, recurrent), b.mul(dc, forget), dz];
  });
  return { dz, dh, dc };
}
