/** @file TrainingData: a data set that is passed over many times, in memory where it fits, read again each time where not. */

import type { RecordBatch } from "apache-arrow";
import { DataError, nameOf, type Who } from "../../errors.js";
import type { Graph } from "../../graph/graph.js";
import { sharedPool } from "../../runtime/pool.js";
import { Asset } from "../../util/asset.js";
import { type Block, blocksOf, type TrainingColumns } from "./block.js";
import {
  addSums,
  type LossMessage,
  type LossSums,
  mergeSummaries,
  type Summary,
  type SummaryMessage,
} from "./block-tasks.js";
import type { FeatureType } from "./logistic-graphs.js";

export interface ReadOptions {
  readonly who: Who;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of features, labels and weights kept in memory at most. Default 256 MiB. */
  readonly budget?: number;
}

const module = new URL("./block-tasks.js", import.meta.url);
const defaultBudget = 256 * 2 ** 20;

/** Rows with labels and weights, summarized once; then asked for loss and gradient any number of times. */
export class TrainingData {
  readonly summary: Summary;
  /** Whether the rows are in memory; else each pass reads them again. */
  readonly resident: boolean;
  readonly featureType: FeatureType;
  readonly #passes: () => AsyncIterable<Block>;
  readonly #groups: readonly (readonly Block[])[] | undefined;
  #graph: { readonly source: Graph; readonly asset: Asset } | undefined;

  private constructor(
    summary: Summary,
    featureType: FeatureType,
    blocks: readonly Block[] | undefined,
    passes: () => AsyncIterable<Block>,
  ) {
    this.summary = summary;
    this.featureType = featureType;
    this.resident = blocks !== undefined;
    this.#groups = blocks && grouped(blocks, sharedPool().size);
    this.#passes = passes;
  }

  /**
   * Reads the rows once.
   *
   * @param open starts a pass over the rows, the same ones in the same order each time
   * @throws DataError where there are no rows, or naming the row that cannot be used.
   */
  static async read(
    open: () => AsyncIterable<RecordBatch>,
    columns: TrainingColumns,
    { who, signal, budget = defaultBudget }: ReadOptions,
  ): Promise<TrainingData> {
    const passes = () => blocksOf(open(), columns, who);
    let kept: Block[] | undefined = [];
    let bytes = 0;
    let type: FeatureType = "float64";
    const summaries = mapInPool<Summary>(
      passes(),
      (block) => {
        bytes += bytesOf(block);
        if (bytes > budget) kept = undefined;
        kept?.push(block);
        type = block.features instanceof Float32Array ? "float32" : "float64";
        const message: SummaryMessage = { block, who: nameOf(who), featuresCol: columns.featuresCol };
        return { module, export: "summarizeBlock", message, bytes: bytesOf(block) };
      },
      signal,
    );
    let summary: Summary | undefined;
    for await (const part of summaries) summary = summary === undefined ? part : mergeSummaries(summary, part);
    if (summary === undefined) throw new DataError(who, "the training data has no rows; check filters and paths");
    return new TrainingData(summary, type, kept, passes);
  }

  /** Loss and gradient as sums over all rows. */
  async loss(
    source: Graph,
    coefficients: Float64Array,
    intercepts: Float64Array,
    signal?: AbortSignal,
  ): Promise<LossSums> {
    if (this.#graph?.source !== source) this.#graph = { source, asset: new Asset(source.toBytes()) };
    const { bytes, sha256 } = this.#graph.asset;
    const task = (blocks: readonly Block[], size = 0) => {
      const message: LossMessage = { graph: { bytes, sha256 }, blocks, coefficients, intercepts };
      return { module, export: "lossOfBlocks", message, bytes: size, key: sha256 };
    };
    const total: LossSums = {
      loss: 0,
      coefficients: new Float64Array(coefficients.length),
      intercepts: new Float64Array(intercepts.length),
    };
    const parts = this.#groups
      ? mapInPool<LossSums, readonly Block[]>(this.#groups, (blocks) => task(blocks), signal)
      : mapInPool<LossSums>(this.#passes(), (block) => task([block], bytesOf(block)), signal);
    for await (const part of parts) addSums(total, part);
    return total;
  }
}

/** Runs a task per item in the pool, a bounded number at a time; results come in the items' order, so sums are repeatable. */
async function* mapInPool<R, T = Block>(
  items: AsyncIterable<T> | Iterable<T>,
  task: (item: T) => Parameters<ReturnType<typeof sharedPool>["submit"]>[0],
  signal: AbortSignal | undefined,
): AsyncGenerator<R> {
  const pool = sharedPool();
  const pending: Promise<R>[] = [];
  for await (const item of items) {
    pending.push((await pool.submit<R>(task(item), { signal })).result);
    if (pending.length > 2 * pool.size) yield await pending.shift()!;
  }
  for (const result of pending) yield await result;
}

/** Blocks in at most `count` runs of neighbours with about equally many rows. */
function grouped(blocks: readonly Block[], count: number): Block[][] {
  const rows = blocks.reduce((sum, block) => sum + block.rows, 0);
  const groups: Block[][] = Array.from({ length: count }, () => []);
  let before = 0;
  for (const block of blocks) {
    groups[Math.min(count - 1, Math.floor((before * count) / rows))]!.push(block);
    before += block.rows;
  }
  return groups.filter((group) => group.length > 0);
}

function bytesOf({ features, labels, weights }: Block): number {
  return features.byteLength + labels.byteLength + weights.byteLength;
}
