/** @file L-BFGS as an optimizer of steps: one step along the curvature of the last ones, without a line search. */

import { ParamError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { integer } from "../util/params.js";
import { defineOptimizer } from "./optimizer.js";
import { learningRate } from "./schedule.js";

/** Below these PyTorch does not move (the largest gradient, the slope), or does not remember (the curvature). */
const [leastGradient, leastSlope, leastCurvature] = [1e-7, 1e-9, 1e-10];

/**
 * Limited-memory BFGS (Nocedal, 1980), one step per batch along the curvature that the last `historySize` steps saw, as PyTorch's
 * LBFGS with max_iter 1 and no line search. All weights take one step together, and keep `2 * historySize + 2` vectors of their
 * size (PyTorch remembers 100 steps; the default here is 10, for memory). Meant for batches that hold most of the data:
 * differences between gradients of small batches tell little of the curvature.
 *
 * @throws ParamError for weight decay and clipping, which it does not go with
 * @example optim.lbfgs({ lr: 0.5, historySize: 20 })
 */
export const lbfgs = defineOptimizer({
  type: "LBFGS",
  specs: {
    lr: learningRate(1),
    historySize: integer("steps whose curvature is remembered", { default: 10, min: 1, max: 100 }),
  },
  scope: "all",
  slots(params) {
    refuse(params, "weightDecay", "give layers a kernelRegularizer, which is part of the loss");
    for (const clip of ["clipValue", "clipNorm", "globalClipNorm"] as const) {
      refuse(params, clip, "clipped gradients do not tell the curvature; take a smaller lr");
    }
    const pairs = Array.from({ length: params.historySize }, (_, i) => [`s${i}`, `y${i}`]);
    return Object.fromEntries([...pairs.flat(), "moved", "last"].map((name) => [name, 0]));
  },
  numbers: () => ({}),
  update({ g, weight, grad, slots, numbers }, { historySize }) {
    const dot = (a: Value, b: Value) => g.reduceSum(g.mul(a, b));
    const inverse = (x: Value) => g.where(g.greater(x, 0), g.div(1, g.where(g.greater(x, 0), x, 1)), 0);
    const isOff = g.greater(g.reduceMax(g.abs(grad)), leastGradient);
    const isFirst = g.equal(g.reduceL1(slots.last!), 0);

    // the oldest pair makes room for what the last step did, where that had positive curvature
    const [s, y] = [slots.moved!, g.sub(grad, slots.last!)];
    const isTaken = g.and(isOff, g.greater(dot(y, s), leastCurvature));
    const known = Array.from({ length: historySize }, (_, i) => [slots[`s${i}`]!, slots[`y${i}`]!]).flat();
    const kept = either(g, isTaken, [...known.slice(2), s, y], known);
    const pairs = Array.from({ length: historySize }, (_, i) => ({ s: kept[2 * i]!, y: kept[2 * i + 1]! }));

    // two-loop recursion; pairs that are not there yet are zeros, and so are their factors
    const rates = pairs.map((pair) => inverse(dot(pair.y, pair.s)));
    const factors: Value[] = [];
    let direction = g.neg(grad);
    for (let i = historySize - 1; i >= 0; i--) {
      factors[i] = g.mul(dot(pairs[i]!.s, direction), rates[i]!);
      direction = g.sub(direction, g.mul(pairs[i]!.y, factors[i]!));
    }
    const newest = pairs.at(-1)!;
    const curvature = g.mul(rates.at(-1)!, dot(newest.y, newest.y));
    direction = g.mul(direction, g.where(g.greater(curvature, 0), inverse(curvature), 1));
    for (const [i, pair] of pairs.entries()) {
      const other = g.mul(dot(pair.y, direction), rates[i]!);
      direction = g.add(direction, g.mul(pair.s, g.sub(factors[i]!, other)));
    }

    // the first direction is the gradient, whose length says nothing about the distance
    const length = g.mul(numbers.lr, g.where(isFirst, g.min(1, inverse(g.reduceL1(grad))), 1));
    const isDownhill = g.lessOrEqual(dot(grad, direction), -leastSlope);
    const moved = g.where(g.and(isOff, isDownhill), g.mul(direction, length), 0);
    const next = Object.fromEntries(
      pairs.flatMap((pair, i) => [[`s${i}`, pair.s] as const, [`y${i}`, pair.y] as const]),
    );
    return {
      weight: g.add(weight, moved),
      slots: { ...next, moved: g.where(isOff, moved, s), last: g.where(isOff, grad, slots.last!) },
    };
  },
});

/** The one or the other tensors; copies take a fifth of the time of choosing element by element. */
function either(g: GraphBuilder, condition: Value, these: readonly Value[], those: readonly Value[]): Value[] {
  const branch = (values: readonly Value[]) => {
    const b = g.bodyBuilder();
    return b.body(Object.fromEntries(values.map((value): [string, Value] => [b.fresh("kept"), value])), "kept");
  };
  return g.ops(
    "If",
    [condition],
    { then_branch: branch(these), else_branch: branch(those) },
    { outputs: these.length },
  );
}

function refuse<P extends object>(params: P, name: keyof P & string, advice: string): void {
  const value = params[name];
  if (value === undefined || value === 0) return;
  throw new ParamError("LBFGS", `it does not go with ${name}; ${advice}`, { param: name });
}
