/** @file TrainingData: a data set that is read once and passed over many times, by the threads of the pool. */

import type { RecordBatch } from "apache-arrow";
import { DataError, nameOf, type Who } from "../../errors.js";
import type { Graph } from "../../graph/graph.js";
import { sharedPool, type Task } from "../../runtime/pool.js";
import { Asset } from "../../util/asset.js";
import { type Block, blocksOf, type TrainingColumns } from "./block.js";
import { BlockStore, bytesOf, type StoredBlock } from "./block-store.js";
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
  /** Bytes of features, labels and weights kept in memory at most; the rest goes to a temporary file. Default 256 MiB. */
  readonly budget?: number;
}

const module = new URL("./block-tasks.js", import.meta.url);
const defaultBudget = 256 * 2 ** 20;

/** Rows with labels and weights, summarized once; then asked for loss and gradient any number of times. */
export class TrainingData {
  readonly summary: Summary;
  readonly featureType: FeatureType;
  readonly #store: BlockStore;
  readonly #groups: readonly (readonly StoredBlock[])[];
  #graph: { readonly source: Graph; readonly asset: Asset } | undefined;

  private constructor(summary: Summary, featureType: FeatureType, store: BlockStore) {
    this.summary = summary;
    this.featureType = featureType;
    this.#store = store;
    this.#groups = grouped(store.blocks, sharedPool().size);
  }

  /**
   * Reads the rows, once. Close the data when done.
   *
   * @throws DataError where there are no rows, or naming the row that cannot be used.
   */
  static async read(
    batches: AsyncIterable<RecordBatch>,
    columns: TrainingColumns,
    { who, signal, budget = defaultBudget }: ReadOptions,
  ): Promise<TrainingData> {
    const store = new BlockStore(budget, who);
    let type: FeatureType = "float64";
    async function* storing(): AsyncGenerator<Block> {
      for await (const block of blocksOf(batches, columns, who)) {
        type = block.features instanceof Float32Array ? "float32" : "float64";
        await store.add(block);
        yield block;
      }
    }
    const task = (block: Block): Task => {
      const message: SummaryMessage = { block, who: nameOf(who), featuresCol: columns.featuresCol };
      return { module, export: "summarizeBlock", message, bytes: bytesOf(block) };
    };
    try {
      let summary: Summary | undefined;
      for await (const part of mapInPool<Block, Summary>(storing(), task, signal)) {
        summary = summary === undefined ? part : mergeSummaries(summary, part);
      }
      if (summary === undefined) throw new DataError(who, "the training data has no rows; check filters and paths");
      return new TrainingData(summary, type, store);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Whether all rows are in memory. */
  get resident(): boolean {
    return this.#store.resident;
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
    const task = (blocks: readonly StoredBlock[]): Task => {
      const message: LossMessage = { graph: { bytes, sha256 }, blocks, coefficients, intercepts };
      return { module, export: "lossOfBlocks", message, key: sha256 };
    };
    const total: LossSums = {
      loss: 0,
      coefficients: new Float64Array(coefficients.length),
      intercepts: new Float64Array(intercepts.length),
    };
    for await (const part of mapInPool<readonly StoredBlock[], LossSums>(this.#groups, task, signal)) {
      addSums(total, part);
    }
    return total;
  }

  async close(): Promise<void> {
    await this.#store.close();
  }
}

/** Runs a task per item in the pool, a bounded number at a time; results come in the items' order, so sums are repeatable. */
async function* mapInPool<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  task: (item: T) => Task,
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
function grouped(blocks: readonly StoredBlock[], count: number): StoredBlock[][] {
  const rows = blocks.reduce((sum, block) => sum + block.rows, 0);
  const groups: StoredBlock[][] = Array.from({ length: count }, () => []);
  let before = 0;
  for (const block of blocks) {
    groups[Math.min(count - 1, Math.floor((before * count) / rows))]!.push(block);
    before += block.rows;
  }
  return groups.filter((group) => group.length > 0);
}
