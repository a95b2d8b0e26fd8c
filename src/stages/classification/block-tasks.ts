/** @file What threads of the pool do with blocks of a training set: moments of the features, loss and gradient. */

import type { Who } from "../../errors.js";
import type { ThreadContext } from "../../runtime/context.js";
import { openSession } from "../../runtime/session.js";
import { Tensor } from "../../tensor/tensor.js";
import { Asset } from "../../util/asset.js";
import { badRow } from "../feature/rows.js";
import type { Block } from "./block.js";
import { type Matrices, readBlock, type StoredBlock } from "./block-store.js";

/** Weighted moments of columns, and the weight of each class. They merge. */
export interface Summary {
  readonly rows: number;
  readonly weight: number;
  /** Sum of squared weights. */
  readonly weightSquares: number;
  readonly mean: Float64Array;
  /** Sum of weighted squared distances from the mean. */
  readonly squares: Float64Array;
  /** Weight of each class, by label. */
  readonly classWeights: Float64Array;
}

export interface SummaryMessage {
  readonly block: Block;
  readonly who: Who;
  readonly featuresCol: string;
}

/** @throws DataError naming the first row whose features are not finite. */
export function summarizeBlock({ block, who, featuresCol }: SummaryMessage): Summary {
  const { rows, width, features, labels, weights } = block;
  let weight = 0;
  let weightSquares = 0;
  const classWeights = new Float64Array(labels.reduce((most, label) => Math.max(most, label), 0) + 1);
  const mean = new Float64Array(width);
  for (let i = 0; i < rows; i++) {
    const w = weights[i]!;
    weight += w;
    weightSquares += w * w;
    classWeights[labels[i]!]! += w;
    for (let j = 0; j < width; j++) {
      const x = features[i * width + j]!;
      if (!Number.isFinite(x))
        throw badRow(who, featuresCol, block.firstRow + i, `holds ${x}; features must be finite`);
      mean[j]! += w * x;
    }
  }
  for (let j = 0; j < width; j++) mean[j]! /= weight || 1;
  const squares = new Float64Array(width);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < width; j++) squares[j]! += weights[i]! * (features[i * width + j]! - mean[j]!) ** 2;
  }
  return { rows, weight, weightSquares, mean, squares, classWeights };
}

/** The summary of both parts together (Chan, Golub and LeVeque, 1979). */
export function mergeSummaries(a: Summary, b: Summary): Summary {
  const weight = a.weight + b.weight;
  const part = weight === 0 ? 0 : b.weight / weight;
  const classes = Math.max(a.classWeights.length, b.classWeights.length);
  return {
    rows: a.rows + b.rows,
    weight,
    weightSquares: a.weightSquares + b.weightSquares,
    mean: a.mean.map((mean, j) => mean + (b.mean[j]! - mean) * part),
    squares: a.squares.map((sum, j) => sum + b.squares[j]! + (b.mean[j]! - a.mean[j]!) ** 2 * a.weight * part),
    classWeights: Float64Array.from({ length: classes }, (_, k) => (a.classWeights[k] ?? 0) + (b.classWeights[k] ?? 0)),
  };
}

export interface LossMessage {
  /** The loss graph. */
  readonly graph: Pick<Asset, "bytes" | "sha256">;
  readonly blocks: readonly StoredBlock[];
  /** [outputs, width] */
  readonly coefficients: Float64Array;
  readonly intercepts: Float64Array;
}

/** Sums over rows. */
export interface LossSums {
  loss: number;
  readonly coefficients: Float64Array;
  readonly intercepts: Float64Array;
}

/** Numbers in one run's largest tensor: small enough for a processor's cache. */
const runSize = 2 ** 18;

/** Loss and gradient over blocks, a piece that fits the cache at a time. */
export async function lossOfBlocks(message: LossMessage, context: ThreadContext): Promise<LossSums> {
  const { graph, blocks, coefficients, intercepts } = message;
  const session = await openSession(new Asset(graph.bytes, graph.sha256), { name: "logistic loss" });
  const outputs = intercepts.length;
  const width = coefficients.length / outputs;
  const weights = {
    coefficients: new Tensor("float64", coefficients, [outputs, width]),
    intercepts: new Tensor("float64", intercepts),
  };
  const sums: LossSums = {
    loss: 0,
    coefficients: new Float64Array(coefficients.length),
    intercepts: new Float64Array(outputs),
  };
  const step = Math.max(1, Math.floor(runSize / Math.max(width, outputs)));
  const room = new Room(step, width);
  try {
    for (const stored of blocks) {
      const { rows } = stored;
      const block = await readBlock(stored);
      for (let from = 0; from < rows; from += step) {
        const feeds = { ...room.piece(block, from, Math.min(from + step, rows)), ...weights };
        const result = await session.run(feeds, { signal: context.signal });
        addSums(sums, {
          loss: result.loss!.data[0] as number,
          coefficients: result["grad/coefficients"]!.data as Float64Array,
          intercepts: result["grad/intercepts"]!.data as Float64Array,
        });
      }
    }
  } finally {
    await session.close();
  }
  return sums;
}

/** Adds in place. */
export function addSums(to: LossSums, more: LossSums): void {
  to.loss += more.loss;
  for (let i = 0; i < to.coefficients.length; i++) to.coefficients[i]! += more.coefficients[i]!;
  for (let i = 0; i < to.intercepts.length; i++) to.intercepts[i]! += more.intercepts[i]!;
}

/** Room for one piece of a block: the runtime takes no shared memory, and new arrays for each piece would cost much time. */
class Room {
  readonly #width: number;
  readonly #narrow: () => Float32Array;
  readonly #wide: () => Float64Array;
  readonly #labels: Float64Array;
  readonly #weights: Float64Array;

  constructor(rows: number, width: number) {
    this.#width = width;
    this.#narrow = once(() => new Float32Array(rows * width));
    this.#wide = once(() => new Float64Array(rows * width));
    this.#labels = new Float64Array(rows);
    this.#weights = new Float64Array(rows);
  }

  piece({ features, labels, weights }: Matrices, from: number, to: number): Record<string, Tensor> {
    const [width, rows] = [this.#width, to - from];
    const shape = [rows, width];
    const part = features.subarray(from * width, to * width);
    return {
      features:
        part instanceof Float32Array
          ? new Tensor("float32", unshared(part, this.#narrow()), shape)
          : new Tensor("float64", unshared(part, this.#wide()), shape),
      label: new Tensor("float64", unshared(labels.subarray(from, to), this.#labels), [rows, 1]),
      weight: new Tensor("float64", unshared(weights.subarray(from, to), this.#weights), [rows, 1]),
    };
  }
}

function unshared<A extends Float32Array | Float64Array>(part: A, room: A): A {
  if (!(part.buffer instanceof SharedArrayBuffer)) return part;
  room.set(part);
  return room.subarray(0, part.length) as A;
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
