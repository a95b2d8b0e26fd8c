/** @file Softmax and argmax of fetched tensors, along their last dimension. */

import type { Column, Valid } from "../../data/columns.js";
import { arrayOf, type ColumnType, tensorOf } from "../../data/types.js";
import { ParamError, type Who } from "../../errors.js";
import { columnOf, type FetchPlan, type Gathered } from "./results.js";

/** Probabilities, in the form of the scores. @throws ParamError for scores that are no vectors of numbers */
export function softmaxType(plan: FetchPlan, column: string, who: Who): ColumnType {
  requireVector(plan, column, "softmax", who);
  return plan.rowShape === undefined ? arrayOf("float") : tensorOf("float", plan.rowShape);
}

/** The place of the largest score: a double as Spark ML's predictions, or a tensor where the scores have more dimensions. */
export function argmaxType(plan: FetchPlan, column: string, who: Who): ColumnType {
  requireVector(plan, column, "argmax", who);
  const outer = plan.rowShape?.slice(0, -1) ?? [];
  return outer.length === 0 ? "double" : tensorOf("double", outer);
}

export function softmaxColumn(plan: FetchPlan, scores: Gathered, type: ColumnType, valid: Valid): Column {
  const values = scores.values() as ArrayLike<number | bigint>;
  const probabilities = new Float32Array(values.length);
  forEachVector(plan, scores, (from, to) => {
    let most = Number.NEGATIVE_INFINITY;
    for (let i = from; i < to; i++) most = Math.max(most, Number(values[i]));
    let sum = 0;
    for (let i = from; i < to; i++) sum += Math.exp(Number(values[i]) - most);
    for (let i = from; i < to; i++) probabilities[i] = Math.exp(Number(values[i]) - most) / sum;
  });
  return columnOf(type, probabilities, scores.offsets, plan.rowShape, valid);
}

/** The first of equal ones. */
export function argmaxColumn(plan: FetchPlan, scores: Gathered, type: ColumnType, valid: Valid): Column {
  const values = scores.values() as ArrayLike<number | bigint>;
  const places: number[] = [];
  forEachVector(plan, scores, (from, to) => {
    let best = from;
    for (let i = from + 1; i < to; i++) if (values[i]! > values[best]!) best = i;
    places.push(best - from);
  });
  return columnOf(type, Float64Array.from(places), scores.offsets, plan.rowShape?.slice(0, -1) ?? [], valid);
}

function forEachVector(plan: FetchPlan, { offsets }: Gathered, visit: (from: number, to: number) => void): void {
  const size = plan.rowShape?.at(-1);
  for (let row = 0; row + 1 < offsets.length; row++) {
    const [from, to] = [offsets[row]!, offsets[row + 1]!];
    for (let at = from; at < to; at += size ?? to - from) visit(at, size === undefined ? to : at + size);
  }
}

function requireVector({ dtype, rowShape, tensor }: FetchPlan, column: string, param: string, who: Who): void {
  if (dtype !== "string" && dtype !== "bool" && rowShape?.length !== 0) return;
  const found = rowShape?.length === 0 ? `one ${dtype} per row` : dtype;
  throw new ParamError(
    who,
    `${param} of "${column}" needs a vector of numbers per row, but tensor "${tensor}" is ${found}`,
  );
}
