/** @file BinaryScores: scores of positive and negative rows, and the curves over all thresholds. */

import type { Numbers } from "./confusion-matrix.js";
import { coarsened, emptyRun, mergeRuns, type Run, sorted } from "./score-runs.js";

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

  /** Adds rows; labels above 0.5 are positive, as in Spark ML. Rows of weight 0 change nothing. */
  add(labels: Numbers, scores: Numbers, weights?: Numbers): void {
    const positive: number[] = [];
    const negative: number[] = [];
    for (let i = 0; i < labels.length; i++) {
      const [label, weight] = [labels[i]!, weights?.[i] ?? 1];
      if (Number.isNaN(label) || Number.isNaN(scores[i]!) || Number.isNaN(weight)) {
        this.invalid++;
        continue;
      }
      this.rows++;
      // it bears on nothing, and a threshold of such rows alone has no precision
      if (weight === 0) continue;
      const isPositive = label > 0.5;
      if (isPositive) this.positives += weight;
      else this.negatives += weight;
      (isPositive ? positive : negative).push(i);
    }
    const side = (rows: readonly number[], of: (weight: number) => [number, number]) => {
      for (let from = 0; from < rows.length; from += sortedAtOnce) {
        this.#push(sorted(rows.slice(from, from + sortedAtOnce), scores, weights, of));
      }
    };
    side(positive, (weight) => [weight, 0]);
    side(negative, (weight) => [0, weight]);
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
    const { thresholds, truePositives, falsePositives } = this.#cumulative(numBins);
    return Array.from(thresholds, (threshold, i) => ({
      threshold,
      truePositives: truePositives[i]!,
      falsePositives: falsePositives[i]!,
    }));
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
    const { truePositives, falsePositives } = this.#cumulative(numBins);
    let [sum, x, y] = [0, 0, 0];
    for (let i = 0; i < truePositives.length; i++) {
      sum += ((falsePositives[i]! - x) * (truePositives[i]! + y)) / 2;
      [x, y] = [falsePositives[i]!, truePositives[i]!];
    }
    return sum / this.positives / this.negatives;
  }

  /** Area under the precision-recall curve, by trapezoids as in Spark ML. */
  areaUnderPrecisionRecall(numBins = 0): number {
    return this.#precisionTimesRecall(numBins, (before, precision) => (before + precision) / 2);
  }

  /** Mean precision over rising recall, without interpolation, as in scikit-learn. */
  averagePrecision(): number {
    return this.#precisionTimesRecall(0, (_, precision) => precision);
  }

  #precisionTimesRecall(numBins: number, height: (before: number, precision: number) => number): number {
    const { truePositives, falsePositives } = this.#cumulative(numBins);
    let [sum, positives, before] = [0, 0, Number.NaN];
    for (let i = 0; i < truePositives.length; i++) {
      const precision = truePositives[i]! / (truePositives[i]! + falsePositives[i]!);
      // the curve begins flat
      sum += (truePositives[i]! - positives) * height(Number.isNaN(before) ? precision : before, precision);
      [positives, before] = [truePositives[i]!, precision];
    }
    return sum / this.positives;
  }

  /** Weights at or above each threshold, highest first. */
  #cumulative(numBins: number): Record<"thresholds" | "truePositives" | "falsePositives", Float64Array> {
    const { scores, positive, negative } = this.#merged();
    const group = numBins === 0 ? 1 : Math.max(1, Math.floor(scores.length / numBins));
    const count = Math.ceil(scores.length / group);
    const [truePositives, falsePositives] = [new Float64Array(count), new Float64Array(count)];
    let [above, below] = [0, 0];
    for (let i = 0; i < scores.length; i++) {
      above += positive[i]!;
      below += negative[i]!;
      const to = Math.floor(i / group);
      truePositives[to] = above;
      falsePositives[to] = below;
    }
    return {
      thresholds: Float64Array.from({ length: count }, (_, i) => scores[i * group]!),
      truePositives,
      falsePositives,
    };
  }

  #push(run: Run): void {
    if (run.scores.length === 0) return;
    let last = mergeRuns(run, emptyRun);
    // as in a merge sort, a run meets one of about its length
    while (this.#runs.length > 0 && this.#runs.at(-1)!.scores.length < 2 * last.scores.length) {
      last = mergeRuns(this.#runs.pop()!, last);
    }
    this.#runs.push(last.scores.length > this.#limit ? coarsened(last, this.#limit) : last);
  }

  #merged(): Run {
    let all: Run = emptyRun;
    for (const run of this.#runs.toReversed()) all = mergeRuns(all, run);
    if (this.#runs.length > 1) this.#runs = [all];
    return all;
  }
}
