/** @file Runs of scores: sorted, merged, made coarser. */

import type { Numbers } from "./confusion-matrix.js";

/** Distinct scores, highest first, with the weights of rows that have them. */
export interface Run {
  readonly scores: Float64Array;
  readonly positive: Float64Array;
  readonly negative: Float64Array;
}

const empty = new Float64Array(0);

export const emptyRun: Run = { scores: empty, positive: empty, negative: empty };

/** Rows of one side, highest score first. Without weights only numbers are sorted, which is many times faster. */
export function sorted(
  rows: number[],
  scores: Numbers,
  weights: Numbers | undefined,
  of: (weight: number) => [number, number],
): Run {
  if (weights !== undefined) rows.sort((a, b) => scores[b]! - scores[a]! || 0);
  const values = Float64Array.from(rows, (i) => scores[i]!);
  if (weights === undefined) values.sort().reverse();
  const weightsOf = (place: 0 | 1) => Float64Array.from(rows, (i) => of(weights?.[i] ?? 1)[place]);
  return { scores: values, positive: weightsOf(0), negative: weightsOf(1) };
}

/** Both in one order; equal scores become one. */
export function mergeRuns(a: Run, b: Run): Run {
  const length = a.scores.length + b.scores.length;
  const scores = new Float64Array(length);
  const positive = new Float64Array(length);
  const negative = new Float64Array(length);
  let [i, j, to] = [0, 0, -1];
  while (i < a.scores.length || j < b.scores.length) {
    const fromA = j >= b.scores.length || (i < a.scores.length && a.scores[i]! >= b.scores[j]!);
    const [run, at] = fromA ? [a, i++] : [b, j++];
    if (to < 0 || scores[to] !== run.scores[at]) scores[++to] = run.scores[at]!;
    positive[to]! += run.positive[at]!;
    negative[to]! += run.negative[at]!;
  }
  return slicesOf({ scores, positive, negative }, to + 1);
}

/** Neighbours as one where together they hold at most 2 / limit of the weight: at most `limit` remain. */
export function coarsened({ scores, positive, negative }: Run, limit: number): Run {
  const weight = positive.reduce((sum, w) => sum + w, 0) + negative.reduce((sum, w) => sum + w, 0);
  const most = (2 * weight) / limit;
  const coarse: Run = { scores: scores.slice(), positive: positive.slice(), negative: negative.slice() };
  let to = 0;
  for (let i = 1; i < scores.length; i++) {
    if (coarse.positive[to]! + coarse.negative[to]! + positive[i]! + negative[i]! > most) {
      coarse.scores[++to] = scores[i]!;
      coarse.positive[to] = coarse.negative[to] = 0;
    }
    coarse.positive[to]! += positive[i]!;
    coarse.negative[to]! += negative[i]!;
  }
  return slicesOf(coarse, to + 1);
}

function slicesOf({ scores, positive, negative }: Run, length: number): Run {
  if (length === scores.length) return { scores, positive, negative };
  return {
    scores: scores.slice(0, length),
    positive: positive.slice(0, length),
    negative: negative.slice(0, length),
  };
}
