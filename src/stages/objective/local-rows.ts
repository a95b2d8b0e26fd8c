/** @file LocalRows: a training set that is read once and passed over many times, by the threads of the pool. */

import type { RecordBatch } from "apache-arrow";
import { DataError, type Who } from "../../errors.js";
import { sharedPool } from "../../runtime/shared-pool.js";
import type { Task } from "../../runtime/task.js";
import { type Block, blocksOf, type FeatureType, featureTypeOf, type TrainingColumns } from "./block.js";
import { BlockStore, type StoredBlock } from "./block-store.js";
import { summaryTask, sumsTask } from "./block-tasks.js";
import { mergeSummaries, type Summary } from "./summary.js";
import { addSums, type Parameters, type SumGraph, type Sums } from "./sums.js";
import type { TrainingRows } from "./training-rows.js";

export interface ReadOptions {
  readonly who: Who;
  readonly signal?: AbortSignal | undefined;
  /** What messages call the rows. Default "training data". */
  readonly what?: string | undefined;
  /** Bytes of features, labels and weights kept in memory at most; the rest goes to a temporary file. Default 256 MiB. */
  readonly budget?: number;
}

const defaultBudget = 256 * 2 ** 20;

export function noRows(who: Who, what: string): DataError {
  return new DataError(who, `the ${what} has no rows; check filters and paths`, { code: "NO_ROWS" });
}

export class LocalRows implements TrainingRows {
  readonly summary: Summary;
  readonly featureType: FeatureType;
  readonly #store: BlockStore;
  readonly #groups: readonly (readonly StoredBlock[])[];

  private constructor(summary: Summary, featureType: FeatureType, store: BlockStore) {
    this.summary = summary;
    this.featureType = featureType;
    this.#store = store;
    this.#groups = grouped(store.blocks, sharedPool().size);
  }

  /**
   * Reads the rows, once. Close them when done.
   *
   * @throws DataError where there are no rows, or naming the row that cannot be used.
   */
  static async read(
    batches: AsyncIterable<RecordBatch>,
    columns: TrainingColumns,
    { who, signal, what = "training data", budget = defaultBudget }: ReadOptions,
  ): Promise<LocalRows> {
    const store = new BlockStore(budget, who);
    let type: FeatureType = "float64";
    async function* storing(): AsyncGenerator<Block> {
      for await (const block of blocksOf(batches, columns, who)) {
        type = featureTypeOf(block);
        await store.add(block);
        yield block;
      }
    }
    try {
      let summary: Summary | undefined;
      const task = (block: Block) => summaryTask(block, columns, who);
      for await (const part of mapInPool<Block, Summary>(storing(), task, signal)) {
        summary = summary === undefined ? part : mergeSummaries(summary, part);
      }
      if (summary === undefined) throw noRows(who, what);
      return new LocalRows(summary, type, store);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Whether all rows are in memory. */
  get resident(): boolean {
    return this.#store.resident;
  }

  async sums(sums: SumGraph, parameters: Parameters, signal?: AbortSignal): Promise<Sums> {
    let total: Sums = {};
    const task = (blocks: readonly StoredBlock[]) => sumsTask(blocks, sums, parameters);
    for await (const part of mapInPool<readonly StoredBlock[], Sums>(this.#groups, task, signal)) {
      total = addSums(total, part);
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
