/** @file Gradient descent over the whole data, with a fixed step: what Spark MLlib calls solver gd. */

import { ParamError } from "../errors.js";
import { isAbort } from "../util/is-abort.js";
import type { LbfgsOptions, Minimum, Objective } from "./lbfgs.js";
import { norm } from "./vectors.js";

export interface GradientDescentOptions extends Omit<LbfgsOptions, "memory"> {
  /** The gradient is multiplied by this. Default 0.03. */
  readonly stepSize?: number;
}

/**
 * Follows the gradient from a starting point, `stepSize` times its length per step. An L1 penalty moves coordinates towards
 * 0 after each step (proximal descent). Stops, as in Spark MLlib, when a step is shorter than `tol` times the point's length.
 *
 * Where the objective is no longer finite it ends at the last point where it was (reason "notFinite").
 *
 * @throws ParamError where the objective is not finite at the start; the signal's reason before the first step.
 */
export async function gradientDescent(
  objective: Objective,
  start: Float64Array,
  { stepSize = 0.03, maxIter = 100, tol = 1e-6, l1, onIteration, signal }: GradientDescentOptions = {},
): Promise<Minimum> {
  const history: number[] = [];
  /** The gradient; undefined where the objective is not finite. */
  const evaluate = async (point: Float64Array): Promise<Float64Array | undefined> => {
    signal?.throwIfAborted();
    const { value, gradient } = await objective(point);
    const penalty = l1?.reduce((sum, c, i) => sum + c * Math.abs(point[i]!), 0) ?? 0;
    if (!Number.isFinite(value + penalty)) return undefined;
    history.push(value + penalty);
    return gradient;
  };
  let point = start;
  const end = (reason: Minimum["reason"]): Minimum => {
    return { point, value: history.at(-1)!, history, iterations: history.length - 1, reason };
  };
  const first = await evaluate(point);
  if (first === undefined) throw new ParamError("gradientDescent", "the objective is not finite at the start");
  let gradient = first;
  try {
    for (;;) {
      if (history.length > maxIter) return end("maxIter");
      const next = point.map((x, i) => shrink(x - stepSize * gradient[i]!, stepSize * (l1?.[i] ?? 0)));
      const moved = norm(next.map((x, i) => x - point[i]!));
      const found = await evaluate(next);
      if (found === undefined) return end("notFinite");
      gradient = found;
      point = next;
      if ((await onIteration?.(history.length - 1, history.at(-1)!, point)) === true) return end("stopped");
      if (moved < tol * Math.max(norm(point), 1)) return end("value");
    }
  } catch (error) {
    if (history.length > 1 && isAbort(error, signal)) return end("aborted");
    throw error;
  }
}

/** Towards 0 by `by`, and no further. */
function shrink(x: number, by: number): number {
  return by === 0 ? x : Math.sign(x) * Math.max(0, Math.abs(x) - by);
}
