/** @file L-BFGS and OWL-QN: minimise a smooth function of many numbers, with an L1 penalty if asked. */

import { setImmediate } from "node:timers/promises";
import { ParamError } from "../errors.js";
import { isAbort } from "../util/is-abort.js";
import { searchOrthant, searchWolfe } from "./line-search.js";
import { axpy, dot, norm, plus, times } from "./vectors.js";

/** The function's value at a point, and its gradient there (of the point's length). */
export interface Evaluation {
  readonly value: number;
  readonly gradient: Float64Array;
}

/** What is minimised. Asynchronous, so that it may be computed in other threads or on other machines. */
export type Objective = (point: Float64Array) => Promise<Evaluation>;

/** Hears of a step, the value after it and the point reached; `true` stops the search. */
export type OnIteration = (iteration: number, value: number, point: Float64Array) => unknown;

export interface LbfgsOptions {
  /** Steps at most. Default 100. */
  readonly maxIter?: number;
  /** Stops when a step changes the value, or the gradient's length is, less than this times the value. Default 1e-6. */
  readonly tol?: number;
  /** Steps remembered to approximate the curvature. Default 10. */
  readonly memory?: number;
  /** Adds `sum(l1[i] * |point[i]|)` to the objective; coordinates may then become exactly 0 (OWL-QN). */
  readonly l1?: Float64Array | undefined;
  /** Hears of each step; the search stops where it says `true`. */
  readonly onIteration?: OnIteration | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where and why the search ended. */
export interface Minimum {
  readonly point: Float64Array;
  /** The objective with its penalty. */
  readonly value: number;
  /** The value at the start and after each step. */
  readonly history: readonly number[];
  readonly iterations: number;
  /**
   * `lineSearch`: no step lowers the value any more, as happens at the limit of the arithmetic; `stopped`: `onIteration` said
   * so; `aborted`: the signal did, after the first step.
   */
  readonly reason: "gradient" | "value" | "maxIter" | "lineSearch" | "stopped" | "aborted" | "notFinite";
}

/** A place in the search. `slope` is the gradient, or with a penalty the steepest one-sided derivative. */
export interface Place extends Evaluation {
  readonly point: Float64Array;
  readonly slope: Float64Array;
}

/** Values looked back at to see whether they still change; as in Breeze, on which Spark ML stands. */
const valuesCompared = 20;

/** Past this length vector arithmetic makes room for other work of the thread now and then. */
const longVector = 100_000;

/**
 * Minimises from a starting point, by L-BFGS with a line search for the strong Wolfe conditions (Nocedal and Wright,
 * Numerical Optimization, algorithms 7.5 and 3.5), or OWL-QN where `l1` is given (Andrew and Gao, 2007). It stops as Spark ML's
 * optimizer does.
 *
 * @throws ParamError where lengths differ or the start has no finite value; the signal's reason before the first step.
 * @example
 * const { point } = await lbfgs(async ([x]) => ({ value: (x - 3) ** 2, gradient: Float64Array.of(2 * (x - 3)) }), Float64Array.of(0));
 */
export async function lbfgs(
  objective: Objective,
  start: Float64Array,
  { maxIter = 100, tol = 1e-6, memory = 10, l1, onIteration, signal }: LbfgsOptions = {},
): Promise<Minimum> {
  if (l1 !== undefined && l1.length !== start.length) {
    throw new ParamError("lbfgs", `l1 must hold ${start.length} numbers, one per coordinate, got ${l1.length}`);
  }
  const evaluate = async (point: Float64Array): Promise<Place> => {
    signal?.throwIfAborted();
    const { value, gradient } = await objective(point);
    return l1 === undefined ? { point, value, gradient, slope: gradient } : penalised(point, value, gradient, l1);
  };
  let here = await evaluate(start);
  if (!Number.isFinite(here.value)) {
    throw new ParamError("lbfgs", `the objective must be finite at the start, got ${here.value}`);
  }
  const history = [here.value];
  const pairs = new Pairs(memory);
  const end = (reason: Minimum["reason"]): Minimum => {
    return { point: here.point, value: here.value, history, iterations: history.length - 1, reason };
  };
  try {
    for (;;) {
      if (norm(here.slope) <= Math.max(tol * Math.abs(here.value), 1e-8)) return end("gradient");
      const change = Math.max(...history.slice(-valuesCompared)) - here.value;
      if (history.length > 1 && change <= tol * Math.abs(history[0]!)) return end("value");
      if (history.length > maxIter) return end("maxIter");

      let next = await step(here, await pairs.direction(here.slope), pairs.size > 0 ? 1 : undefined, evaluate, l1);
      if (next === undefined && pairs.size > 0) {
        // the remembered curvature may mislead; straight downhill cannot
        pairs.clear();
        next = await step(here, await pairs.direction(here.slope), undefined, evaluate, l1);
      }
      if (next === undefined) return end("lineSearch");
      pairs.add(here, next);
      here = next;
      history.push(here.value);
      if ((await onIteration?.(history.length - 1, here.value, here.point)) === true) return end("stopped");
    }
  } catch (error) {
    if (history.length > 1 && isAbort(error, signal)) return end("aborted");
    throw error;
  }
}

async function step(
  here: Place,
  direction: Float64Array,
  length: number | undefined,
  evaluate: (point: Float64Array) => Promise<Place>,
  l1: Float64Array | undefined,
): Promise<Place | undefined> {
  // without curvature the direction has the gradient's length, which says nothing about the distance
  const first = length ?? 1 / Math.max(norm(direction), Number.MIN_VALUE);
  return l1 === undefined
    ? searchWolfe(here, direction, first, evaluate)
    : searchOrthant(here, direction, first, evaluate);
}

/** Value and steepest slope of `f(x) + sum(l1 |x|)`, which has a kink wherever a coordinate is 0. */
function penalised(point: Float64Array, smooth: number, gradient: Float64Array, l1: Float64Array): Place {
  let value = smooth;
  const slope = new Float64Array(point.length);
  for (let i = 0; i < point.length; i++) {
    const [x, g, c] = [point[i]!, gradient[i]!, l1[i]!];
    value += c * Math.abs(x);
    if (x !== 0) slope[i] = g + c * Math.sign(x);
    else if (g + c < 0) slope[i] = g + c;
    else if (g - c > 0) slope[i] = g - c;
  }
  return { point, value, gradient, slope };
}

/** The last steps and what they did to the gradient: an approximation of the inverse Hessian. */
class Pairs {
  readonly #memory: number;
  readonly #pairs: { s: Float64Array; y: Float64Array; sy: number }[] = [];

  constructor(memory: number) {
    this.#memory = memory;
  }

  get size(): number {
    return this.#pairs.length;
  }

  clear(): void {
    this.#pairs.length = 0;
  }

  add(from: Place, to: Place): void {
    const s = plus(to.point, -1, from.point);
    const y = plus(to.gradient, -1, from.gradient);
    const sy = dot(s, y);
    // a pair without positive curvature would make the direction point uphill
    if (sy <= 1e-14 * dot(y, y)) return;
    this.#pairs.push({ s, y, sy });
    if (this.#pairs.length > this.#memory) this.#pairs.shift();
  }

  /** Minus the approximate inverse Hessian times the slope, by the two-loop recursion. */
  async direction(slope: Float64Array): Promise<Float64Array> {
    const direction = times(-1, slope);
    const latest = this.#pairs.at(-1);
    if (latest === undefined) return direction;
    const factors: number[] = [];
    for (const { s, y, sy } of [...this.#pairs].reverse()) {
      const factor = dot(s, direction) / sy;
      factors.unshift(factor);
      axpy(-factor, y, direction);
      if (slope.length > longVector) await setImmediate();
    }
    const scale = latest.sy / dot(latest.y, latest.y);
    for (let i = 0; i < direction.length; i++) direction[i]! *= scale;
    for (const [i, { s, y, sy }] of this.#pairs.entries()) {
      axpy(factors[i]! - dot(y, direction) / sy, s, direction);
      if (slope.length > longVector) await setImmediate();
    }
    return direction;
  }
}
