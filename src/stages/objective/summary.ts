/** @file Weighted moments of a training set, by column and of the labels. They merge. */

import { internal, type Who } from "../../errors.js";
import { badRow } from "../feature/rows.js";
import type { Matrices } from "./block.js";

export interface Summary {
  readonly rows: number;
  readonly weight: number;
  /** Sum of squared weights. */
  readonly weightSquares: number;
  readonly mean: Float64Array;
  /** Sum of weighted squared distances from the mean. */
  readonly squares: Float64Array;
  readonly labelMean: number;
  readonly labelSquares: number;
  /** Weight of each class, by label; empty where labels are numbers. */
  readonly classWeights: Float64Array;
}

export interface SummaryOptions {
  readonly labels: "numbers" | "classes";
  readonly who: Who;
  readonly featuresCol: string;
  /** Number of the first row, for messages. */
  readonly firstRow?: number;
}

/** @throws DataError naming the first row whose features are not finite. */
export function summarize(
  { features, labels, weights }: Matrices,
  { labels: kind, who, featuresCol, firstRow = 0 }: SummaryOptions,
): Summary {
  const rows = labels.length;
  const width = rows === 0 ? 0 : features.length / rows;
  let weight = 0;
  let weightSquares = 0;
  let labelMean = 0;
  const largest = kind === "classes" ? labels.reduce((most, label) => Math.max(most, label), -1) : -1;
  const classWeights = new Float64Array(largest + 1);
  const mean = new Float64Array(width);
  for (let i = 0; i < rows; i++) {
    const w = weights[i]!;
    weight += w;
    weightSquares += w * w;
    labelMean += w * labels[i]!;
    if (kind === "classes") classWeights[labels[i]!]! += w;
    for (let j = 0; j < width; j++) {
      const x = features[i * width + j]!;
      if (!Number.isFinite(x)) throw badRow(who, featuresCol, firstRow + i, `holds ${x}; features must be finite`);
      mean[j]! += w * x;
    }
  }
  labelMean /= weight || 1;
  for (let j = 0; j < width; j++) mean[j]! /= weight || 1;
  const squares = new Float64Array(width);
  let labelSquares = 0;
  for (let i = 0; i < rows; i++) {
    const w = weights[i]!;
    labelSquares += w * (labels[i]! - labelMean) ** 2;
    for (let j = 0; j < width; j++) squares[j]! += w * (features[i * width + j]! - mean[j]!) ** 2;
  }
  return { rows, weight, weightSquares, mean, squares, labelMean, labelSquares, classWeights };
}

/** The summary of both parts together (Chan, Golub and LeVeque, 1979). */
export function mergeSummaries(a: Summary, b: Summary): Summary {
  const weight = a.weight + b.weight;
  const part = weight === 0 ? 0 : b.weight / weight;
  const between = (from: number, to: number) => (to - from) ** 2 * a.weight * part;
  const classes = Math.max(a.classWeights.length, b.classWeights.length);
  return {
    rows: a.rows + b.rows,
    weight,
    weightSquares: a.weightSquares + b.weightSquares,
    mean: a.mean.map((mean, j) => mean + (b.mean[j]! - mean) * part),
    squares: a.squares.map((sum, j) => sum + b.squares[j]! + between(a.mean[j]!, b.mean[j]!)),
    labelMean: a.labelMean + (b.labelMean - a.labelMean) * part,
    labelSquares: a.labelSquares + b.labelSquares + between(a.labelMean, b.labelMean),
    classWeights: Float64Array.from({ length: classes }, (_, k) => (a.classWeights[k] ?? 0) + (b.classWeights[k] ?? 0)),
  };
}

/** Whether rows are a sample (Spark ML's summarizer) or all there are (its normal equations). */
export type Freedom = "sample" | "population";

/** Standard deviations of the columns; 0 for constant columns. */
export function deviationsOf(summary: Summary, freedom: Freedom = "sample"): Float64Array {
  return summary.squares.map((sum, j) => deviation(sum, summary.mean[j]!, summary, freedom));
}

export function labelDeviationOf(summary: Summary, freedom: Freedom = "sample"): number {
  return deviation(summary.labelSquares, summary.labelMean, summary, freedom);
}

function deviation(squares: number, mean: number, { weight, weightSquares }: Summary, freedom: Freedom): number {
  const divisor = freedom === "population" ? weight : weight - weightSquares / weight;
  const found = divisor > 0 ? Math.sqrt(squares / divisor) : 0;
  // what is left is rounding
  return found <= 1e-12 * Math.abs(mean) ? 0 : found;
}

const counts = 6;

/** The summary as numbers: counts and label first, then means, squares, class weights. */
export function packSummary(s: Summary): Float64Array {
  const head = [s.rows, s.weight, s.weightSquares, s.labelMean, s.labelSquares, s.mean.length];
  return Float64Array.from([...head, ...s.mean, ...s.squares, ...s.classWeights]);
}

export function unpackSummary(packed: Float64Array): Summary {
  const [rows, weight, weightSquares, labelMean, labelSquares, width] = packed as unknown as number[];
  if (width === undefined || packed.length < counts + 2 * width) throw internal("a summary is cut off");
  return {
    ...{ rows: rows!, weight: weight!, weightSquares: weightSquares! },
    ...{ labelMean: labelMean!, labelSquares: labelSquares! },
    mean: packed.slice(counts, counts + width),
    squares: packed.slice(counts + width, counts + 2 * width),
    classWeights: packed.slice(counts + 2 * width),
  };
}
