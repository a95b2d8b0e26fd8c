/** @file BinaryScores: scores of positive and negative rows, and the curves over all thresholds. */

import type { Numbers } from "./confusion-matrix.js";

/** What a threshold does: rows with at least this score count as positive. */
export interface CurvePoint {
  readonly threshold: number;
  /** Weight of positive and negative rows at or above the threshold. */
  readonly truePositives: number;
  readonly falsePositives: number;
}

export interface RocPoint {
  readonly threshold: number;
  readonly falsePositiveRate: number;
  readonly truePositiveRate: number;
}

export interface PrecisionRecallPoint {
  readonly threshold: number;
  readonly recall: number;
  readonly precision: number;
}

/** Distinct scores, highest first, with the weights of rows that have them. */
interface Run {
  readonly scores: Float64Array;
  readonly positive: Float64Array;
  readonly negative: Float64Array;
}

/** Rows sorted at once: a few milliseconds. */
const sortedAtOnce = 8192;

/**
 * Scores and whether their rows were positive. Mergeable; sorted as they come, so no step takes long.
 *
 * Every distinct score is kept up to `limit` of them (24 bytes each); past that, neighbours are put together that hold at
 * most 2 / limit of the rows.
 *
 * @example
 * const scores = new BinaryScores();
 * scores.add([1, 0, 1], [0.9, 0.4, 0.6]);
 * scores.areaUnderRoc(); // 1
 */
export class BinaryScores {
  /** Rows left out because label, score or weight was no number. */
  invalid = 0;
  rows = 0;
  /** Weight of positive rows, and of negative ones. */
  positives = 0;
  negatives = 0;
  readonly #limit: number;
  #runs: Run[] = [];

  constructor({ limit = 2 ** 19 }: { readonly limit?: number } = {}) {
    this.#limit = limit;
  }

  /** Adds rows; labels above 0.5 are positive, as in Spark ML. */
  add(labels: Numbers, scores: Numbers, weights?: Numbers): void {
    for (let from = 0; from < labels.length; from += sortedAtOnce) {
      const to = Math.min(from + sortedAtOnce, labels.length);
      const rows: number[] = [];
      for (let i = from; i < to; i++) {
        if (Number.isNaN(labels[i]!) || Number.isNaN(scores[i]!) || Number.isNaN(weights?.[i] ?? 1)) this.invalid++;
        else rows.push(i);
      }
      this.rows += rows.length;
      rows.sort((a, b) => scores[b]! - scores[a]! || 0);
      const isPositive = (i: number) => labels[i]! > 0.5;
      const weightOf = (i: number) => weights?.[i] ?? 1;
      for (const i of rows) {
        if (isPositive(i)) this.positives += weightOf(i);
        else this.negatives += weightOf(i);
      }
      this.#push({
        scores: Float64Array.from(rows, (i) => scores[i]!),
        positive: Float64Array.from(rows, (i) => (isPositive(i) ? weightOf(i) : 0)),
        negative: Float64Array.from(rows, (i) => (isPositive(i) ? 0 : weightOf(i))),
      });
    }
  }

  /** Adds the rows of another. */
  merge(other: BinaryScores): void {
    this.invalid += other.invalid;
    this.rows += other.rows;
    this.positives += other.positives;
    this.negatives += other.negatives;
    for (const run of other.#runs) this.#push(run);
  }

  /**
   * Points of falling threshold, one per distinct score.
   *
   * @param numBins where there are more than twice as many points, neighbours are put together to about so many, as Spark ML
   * does; 0 keeps all
   */
  curve(numBins = 0): CurvePoint[] {
    const { scores, positive, negative } = this.#merged();
    const group = numBins === 0 ? 1 : Math.max(1, Math.floor(scores.length / numBins));
    const points: CurvePoint[] = [];
    let [truePositives, falsePositives] = [0, 0];
    for (let from = 0; from < scores.length; from += group) {
      for (let i = from; i < Math.min(from + group, scores.length); i++) {
        truePositives += positive[i]!;
        falsePositives += negative[i]!;
      }
      points.push({ threshold: scores[from]!, truePositives, falsePositives });
    }
    return points;
  }

  /** From (0, 0) to (1, 1). NaN where one of the two classes is missing. */
  roc(numBins = 0): RocPoint[] {
    return [
      { threshold: Number.POSITIVE_INFINITY, falsePositiveRate: 0, truePositiveRate: 0 },
      ...this.curve(numBins).map(({ threshold, truePositives, falsePositives }) => ({
        threshold,
        falsePositiveRate: falsePositives / this.negatives,
        truePositiveRate: truePositives / this.positives,
      })),
    ];
  }

  /** From recall 0, with the precision of the first threshold, to recall 1. */
  precisionRecall(numBins = 0): PrecisionRecallPoint[] {
    const points = this.curve(numBins).map(({ threshold, truePositives, falsePositives }) => ({
      threshold,
      recall: truePositives / this.positives,
      precision: truePositives / (truePositives + falsePositives),
    }));
    const first = points[0];
    return first === undefined ? [] : [{ ...first, threshold: Number.POSITIVE_INFINITY, recall: 0 }, ...points];
  }

  /** Area under the ROC curve, by trapezoids; NaN where one of the two classes is missing. */
  areaUnderRoc(numBins = 0): number {
    return area(this.roc(numBins).map((point) => [point.falsePositiveRate, point.truePositiveRate]));
  }

  /** Area under the precision-recall curve, by trapezoids as in Spark ML. */
  areaUnderPrecisionRecall(numBins = 0): number {
    return area(this.precisionRecall(numBins).map(({ recall, precision }) => [recall, precision]));
  }

  /** Mean precision over rising recall, without interpolation, as in scikit-learn. */
  averagePrecision(): number {
    let [sum, before] = [0, 0];
    for (const { recall, precision } of this.precisionRecall()) {
      sum += (recall - before) * precision;
      before = recall;
    }
    return sum;
  }

  #push(run: Run): void {
    if (run.scores.length === 0) return;
    let last = mergeRuns(run, { scores: empty, positive: empty, negative: empty });
    // as in a merge sort, a run meets one of about its length
    while (this.#runs.length > 0 && this.#runs.at(-1)!.scores.length < 2 * last.scores.length) {
      last = mergeRuns(this.#runs.pop()!, last);
    }
    this.#runs.push(last.scores.length > this.#limit ? coarsened(last, this.#limit) : last);
  }

  #merged(): Run {
    let all: Run = { scores: empty, positive: empty, negative: empty };
    for (const run of this.#runs.toReversed()) all = mergeRuns(all, run);
    if (this.#runs.length > 1) this.#runs = [all];
    return all;
  }
}

const empty = new Float64Array(0);

/** Both in one order; equal scores become one. */
function mergeRuns(a: Run, b: Run): Run {
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
function coarsened({ scores, positive, negative }: Run, limit: number): Run {
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

function area(points: readonly (readonly [number, number])[]): number {
  let sum = 0;
  for (let i = 1; i < points.length; i++) {
    sum += ((points[i]![0] - points[i - 1]![0]) * (points[i]![1] + points[i - 1]![1])) / 2;
  }
  return sum;
}
