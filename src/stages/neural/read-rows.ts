/** @file Reads the rows of a DataFrame into stores for training and validation, checked on the way. */

import type { RecordBatch } from "apache-arrow";
import type { DataFrame } from "../../data/dataframe.js";
import { dataOf, numbersOf } from "../../data/read-columns.js";
import type { Who } from "../../errors.js";
import { sizeOf } from "../../tensor/shape.js";
import { rowWeight } from "../../train/problem.js";
import type { Rows } from "../../train/resident-rows.js";
import { RowStore } from "../../train/row-store.js";
import { Random } from "../../util/random.js";
import { Turns } from "../../util/turns.js";
import { badRow } from "../feature/rows.js";
import { isRowOfTable, readFeed } from "../onnx/read-feed.js";
import { type FieldColumn, outputOf } from "./columns.js";

/** A column that an output is compared with. */
export interface Target extends FieldColumn {
  /** Classes that the output tells apart, where labels are class numbers. */
  readonly classes: number | undefined;
  /** Whether labels are chances, from 0 to 1. */
  readonly isProbability: boolean;
}

/** A column that feeds the network, and the Embedding that reads it as it is. */
export interface Fed extends FieldColumn {
  readonly embedding: { readonly label: string; readonly inputDim: number } | undefined;
}

export interface ReadRows {
  readonly inputs: readonly Fed[];
  readonly targets: readonly Target[];
  readonly weight: FieldColumn | undefined;
  /** Factor of the weight of rows of each class, where there is one output, of classes or of the chance of class 1. */
  readonly classWeight?: Readonly<Record<string, number>> | undefined;
  readonly who: Who;
  readonly signal: AbortSignal | undefined;
  /** Bytes kept in memory at most. */
  readonly budget: number;
}

/** Bytes of rows that are checked and copied before the event loop may get a turn. */
const pieceBytes = 2 ** 20;

/** Where rows that are not trained on come from, of the same DataFrame. */
export type Holdout = { readonly fraction: number; readonly seed: number } | { readonly column: string } | undefined;

/**
 * @throws DataError naming the first row that is null, in the column that says which rows validate too, has another length, holds what is not finite, or a label that is no
 * class of the network.
 */
export async function readRows(
  df: DataFrame,
  options: ReadRows,
  holdout: Holdout,
): Promise<{ train: RowStore; validation: RowStore | undefined }> {
  const { inputs, targets, weight, who, signal, budget } = options;
  const all = [...inputs, ...targets, ...(weight === undefined ? [] : [weight])];
  const needsWeight = weight !== undefined || options.classWeight !== undefined;
  const fields = [
    ...[...inputs, ...targets].map(({ field }) => field),
    ...(needsWeight ? [{ name: rowWeight, dtype: "float32" as const, shape: [] }] : []),
  ];
  const train = new RowStore(fields, { budget, who });
  const validation = holdout === undefined ? undefined : new RowStore(fields, { budget, who });
  const names = new Set(all.map(({ plan }) => plan.column));
  if (holdout !== undefined && "column" in holdout) names.add(holdout.column);
  const random = holdout !== undefined && "fraction" in holdout ? new Random(holdout.seed, "validation") : undefined;
  const most = Math.max(1, Math.floor(pieceBytes / Math.max(1, train.rowBytes)));
  const turns = new Turns();
  let first = 0;
  try {
    for await (const whole of df.select(...names).batches({ signal })) {
      for (let from = 0; from < whole.numRows; from += most) {
        await turns.give();
        const batch = whole.slice(from, from + most);
        const rows = rowsOf(batch, options, first, needsWeight);
        const start = first;
        first += batch.numRows;
        if (holdout === undefined || validation === undefined) {
          await train.add(rows);
          continue;
        }
        const isHeld =
          "column" in holdout
            ? indicatorsOf(batch, holdout.column, start, who)
            : Array.from({ length: batch.numRows }, () => random!.uniform() < holdout.fraction);
        await validation.add(pick(rows, fields, (row) => isHeld[row]!));
        await train.add(pick(rows, fields, (row) => !isHeld[row]!));
      }
    }
  } catch (error) {
    await train.close();
    await validation?.close();
    throw error;
  }
  return { train, validation };
}

/** Which rows validate. */
function indicatorsOf(batch: RecordBatch, column: string, first: number, who: Who): boolean[] {
  return Array.from(numbersOf(dataOf(batch, column)), (value, i) => {
    if (!Number.isNaN(value)) return value === 1;
    throw badRow(who, column, first + i, "is null, so it neither trains nor validates; fill or drop it first");
  });
}

function rowsOf(batch: RecordBatch, options: ReadRows, first: number, needsWeight: boolean): Rows {
  const { inputs, targets, weight, classWeight, who } = options;
  const columns: Record<string, Rows["columns"][string]> = {};
  for (const { field, plan } of [...inputs, ...targets, ...(weight === undefined ? [] : [weight])]) {
    const { data } = readFeed(dataOf(batch, plan.column), plan, (row, reason) => {
      const isNoClass =
        field.dtype === "int32" && reason.endsWith("cannot hold") && targets.some((target) => target.field === field);
      const numbers =
        targets.length > 1 ? `, or give numbers a loss of theirs: loss: { ${outputOf(field)}: "mse" }` : "";
      const mend = isNoClass ? `number the classes from 0, as StringIndexer does${numbers}` : "fill or drop it first";
      throw badRow(who, plan.column, first + row, `${reason}; ${mend}`);
    });
    const values = data as Rows["columns"][string];
    if (values instanceof Float32Array) requireFinite(values, sizeOf(field.shape), plan.column, first, who);
    columns[field.name] = values;
  }
  for (const { field, plan, embedding } of inputs) {
    if (embedding === undefined) continue;
    const numbers = columns[field.name]!;
    const at = (numbers as Float32Array).findIndex((value) => !isRowOfTable(value, embedding.inputDim));
    if (at < 0) continue;
    const takes = `${embedding.label} takes whole numbers from 0 to ${embedding.inputDim - 1}`;
    const message = `holds ${numbers[at]}, but ${takes}; make its inputDim larger, or number what there is from 0, as StringIndexer does`;
    throw badRow(who, plan.column, first + Math.floor(at / sizeOf(field.shape)), message);
  }
  for (const { field, plan, classes, isProbability } of targets) {
    const width = sizeOf(field.shape);
    if (isProbability) {
      const values = columns[field.name] as Float32Array;
      const at = values.findIndex((value) => value < 0 || value > 1);
      if (at < 0) continue;
      const advice =
        'this loss takes 0, 1 and what lies between; for several classes end the network in one output each, with loss "crossEntropy"';
      throw badRow(who, plan.column, first + Math.floor(at / width), `holds label ${values[at]}, but ${advice}`);
    }
    if (classes === undefined) continue;
    const labels = columns[field.name] as Int32Array;
    const at = labels.findIndex((label) => label < 0 || label >= classes);
    if (at < 0) continue;
    const advice =
      classes === 1
        ? 'the network has one output; set loss: "binaryCrossentropy" for two classes, or give it an output for each'
        : `the network tells ${classes} classes apart, numbered from 0; ${labels[at]! < 0 ? "number them so, as StringIndexer does" : "give its last layer as many outputs as there are classes"}`;
    throw badRow(who, plan.column, first + Math.floor(at / width), `holds label ${labels[at]}, but ${advice}`);
  }
  if (!needsWeight) return { count: batch.numRows, columns };
  const weights = (columns[rowWeight] as Float32Array | undefined)?.slice() ?? new Float32Array(batch.numRows).fill(1);
  const below = weights.findIndex((value) => value < 0);
  if (below >= 0)
    throw badRow(who, weight!.plan.column, first + below, `holds weight ${weights[below]}; weights must be at least 0`);
  if (classWeight !== undefined) {
    const labels = columns[targets[0]!.field.name]!;
    for (let i = 0; i < weights.length; i++) weights[i]! *= classWeight[String(labels[i])] ?? 1;
  }
  return { count: batch.numRows, columns: { ...columns, [rowWeight]: weights } };
}

function requireFinite(values: Float32Array, width: number, column: string, first: number, who: Who): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    // what a double holds may be beyond what is trained on
    const found = Number.isNaN(values[i]) ? "NaN" : `${values[i]}, or more than float32's 3.4e38`;
    const message = `holds ${found}; numbers must be finite: fill or drop the row first`;
    throw badRow(who, column, first + Math.floor(i / width), message);
  }
}

function pick(rows: Rows, fields: RowStore["fields"], keep: (row: number) => boolean): Rows {
  const kept = Array.from({ length: rows.count }, (_, row) => row).filter(keep);
  const columns = fields.map(({ name, shape }) => {
    const width = sizeOf(shape);
    const from = rows.columns[name]!;
    const to = from.slice(0, kept.length * width) as Uint8Array;
    for (const [i, row] of kept.entries())
      to.set((from as Uint8Array).subarray(row * width, (row + 1) * width), i * width);
    return [name, to];
  });
  return { count: kept.length, columns: Object.fromEntries(columns) };
}
