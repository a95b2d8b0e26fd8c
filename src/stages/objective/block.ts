/** @file Blocks: rows of a training set as matrices in shared memory, checked on the way. */

import { DataType, type RecordBatch } from "apache-arrow";
import { dataOf, matrixOf, numbersOf } from "../../data/read-columns.js";
import type { ColumnType } from "../../data/types.js";
import type { Who } from "../../errors.js";
import { badRow } from "../feature/rows.js";

/** How features are stored; whatever is no float is a double. */
export type FeatureType = "float32" | "float64";

/** Rows of features with their labels and weights, as matrices. */
export interface Matrices {
  /** [rows, width] */
  readonly features: Float32Array | Float64Array;
  readonly labels: Float64Array;
  readonly weights: Float64Array;
}

/** A piece of a training set; all arrays are in shared memory, so that threads read them in place. */
export interface Block extends Matrices {
  /** Number of the first row in the data, from 0. */
  readonly firstRow: number;
  readonly rows: number;
  readonly width: number;
}

export interface TrainingColumns {
  readonly featuresCol: string;
  readonly labelCol: string;
  /** Without it every row weighs 1. */
  readonly weightCol: string | undefined;
  /** Finite numbers, or classes: whole numbers from 0. */
  readonly labels: "numbers" | "classes";
  /** How many classes there are at most, where that is known before the rows are read, and what to do about more. */
  readonly classes?: { readonly count: number; readonly advice: string } | undefined;
}

const blockBytes = 2 * 2 ** 20;
const mostRows = 65_536;
/** A label beyond this is a mistake: nobody has so many classes. */
const mostClasses = 2 ** 20;

export function bytesOf({ features, labels, weights }: Matrices): number {
  return features.byteLength + labels.byteLength + weights.byteLength;
}

export function featureTypeOf({ features }: Pick<Matrices, "features">): FeatureType {
  return features instanceof Float32Array ? "float32" : "float64";
}

/** The type in which a vector column's numbers are stored in blocks. */
export function featureTypeIn(type: ColumnType): FeatureType {
  const element = typeof type === "object" && (type.kind === "tensor" || type.kind === "array") ? type.element : type;
  return element === "float" ? "float32" : "float64";
}

/**
 * Batches as blocks of about 2 MiB.
 *
 * @throws DataError naming the row whose label is no class or number as asked for, whose weight is negative, or whose
 * features are null or of another length.
 */
export async function* blocksOf(
  batches: AsyncIterable<RecordBatch>,
  columns: TrainingColumns,
  who: Who,
): AsyncGenerator<Block> {
  let builder: BlockBuilder | undefined;
  let firstRow = 0;
  for await (const batch of batches) {
    if (batch.numRows === 0) continue;
    const before = firstRow;
    const { features, width, labels, weights } = readBatch(batch, columns, who, builder?.width, before);
    builder ??= new BlockBuilder(width, featureTypeOf({ features }));
    for (let from = 0; from < batch.numRows; ) {
      const count = Math.min(builder.room, batch.numRows - from);
      const to = from + count;
      builder.add(
        features.subarray(from * width, to * width),
        labels.subarray(from, to),
        weights.subarray(from, to),
        count,
      );
      if (builder.room === 0) yield builder.take();
      from = to;
    }
    firstRow += batch.numRows;
  }
  if (builder !== undefined && builder.rows > 0) yield builder.take();
}

/** A batch as matrices; rows are named from `firstRow` on. */
export function readBatch(
  batch: RecordBatch,
  columns: TrainingColumns,
  who: Who,
  expectedWidth?: number,
  firstRow = 0,
): Matrices & { readonly width: number } {
  const data = dataOf(batch, columns.featuresCol);
  const { values, width } = matrixOf(data, who, columns.featuresCol, expectedWidth, (row) => firstRow + row);
  const isFloat = values instanceof Float32Array || values instanceof Float64Array;
  return {
    features: isFloat ? values : Float64Array.from(values),
    width,
    labels: labelsOf(batch, columns, who, firstRow),
    weights: weightsOf(batch, columns.weightCol, who, firstRow),
  };
}

class BlockBuilder {
  readonly width: number;
  readonly #type: FeatureType;
  readonly #capacity: number;
  #firstRow = 0;
  #rows = 0;
  #features: Float32Array | Float64Array;
  #labels: Float64Array;
  #weights: Float64Array;

  constructor(width: number, type: FeatureType) {
    this.width = width;
    this.#type = type;
    const bytes = type === "float32" ? 4 : 8;
    this.#capacity = Math.max(1, Math.min(mostRows, Math.floor(blockBytes / (bytes * Math.max(1, width)))));
    [this.#features, this.#labels, this.#weights] = this.#allocate();
  }

  get rows(): number {
    return this.#rows;
  }

  get room(): number {
    return this.#capacity - this.#rows;
  }

  add(features: ArrayLike<number>, labels: Float64Array, weights: Float64Array, rows: number): void {
    this.#features.set(features, this.#rows * this.width);
    this.#labels.set(labels, this.#rows);
    this.#weights.set(weights, this.#rows);
    this.#rows += rows;
  }

  take(): Block {
    const rows = this.#rows;
    const block: Block = {
      firstRow: this.#firstRow,
      rows,
      width: this.width,
      features: this.#features.subarray(0, rows * this.width),
      labels: this.#labels.subarray(0, rows),
      weights: this.#weights.subarray(0, rows),
    };
    this.#firstRow += rows;
    this.#rows = 0;
    [this.#features, this.#labels, this.#weights] = this.#allocate();
    return block;
  }

  #allocate(): [Float32Array | Float64Array, Float64Array, Float64Array] {
    const size = this.#capacity * this.width;
    const features =
      this.#type === "float32"
        ? new Float32Array(new SharedArrayBuffer(4 * size))
        : new Float64Array(new SharedArrayBuffer(8 * size));
    const numbers = () => new Float64Array(new SharedArrayBuffer(8 * this.#capacity));
    return [features, numbers(), numbers()];
  }
}

function labelsOf(batch: RecordBatch, columns: TrainingColumns, who: Who, firstRow: number): Float64Array {
  const { labelCol, classes } = columns;
  const data = dataOf(batch, labelCol);
  const labels = numbersOf(data);
  const isClass = (label: number) => Number.isInteger(label) && label >= 0 && label < (classes?.count ?? mostClasses);
  const fits = columns.labels === "classes" ? isClass : Number.isFinite;
  const i = labels.findIndex((label) => !fits(label));
  if (i < 0) return labels;
  const found = data.getValid(i) && !DataType.isNull(data.type) ? String(labels[i]) : "null";
  const range = classes === undefined ? "up" : `to ${classes.count - 1}`;
  const { advice } = classes ?? { advice: "number the classes with StringIndexer" };
  const expected =
    columns.labels === "classes"
      ? `labels are whole numbers from 0 ${range}; ${advice}`
      : "labels are finite numbers; leave such rows out";
  throw badRow(who, labelCol, firstRow + i, `is ${found}; ${expected}`);
}

function weightsOf(batch: RecordBatch, column: string | undefined, who: Who, firstRow: number): Float64Array {
  if (column === undefined) return new Float64Array(batch.numRows).fill(1);
  const weights = numbersOf(dataOf(batch, column));
  const i = weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  if (i >= 0) throw badRow(who, column, firstRow + i, `is ${weights[i]}; weights are finite numbers from 0 up`);
  return weights;
}
