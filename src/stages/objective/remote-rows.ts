/** @file RemoteRows: a training set that stays on the cluster; sums are made where the rows are. */

import type { DataFrame } from "../../data/dataframe.js";
import { col } from "../../data/expr.js";
import { DataError, EngineError, nameOf, type Who } from "../../errors.js";
import { type FeatureType, featureTypeIn, type TrainingColumns } from "./block.js";
import { numbersFromJson, numbersToJson } from "./block-bytes.js";
import { noRows, type ReadOptions } from "./local-rows.js";
import { PackBlocks } from "./pack-blocks.js";
import { SumBlocks } from "./sum-blocks.js";
import { mergeSummaries, type Summary, unpackSummary } from "./summary.js";
import { addSums, type Parameters, type SumGraph, type Sums } from "./sums.js";
import type { TrainingRows } from "./training-rows.js";

/** How often a pass is begun anew where rows were lost with an executor on the way. */
const attempts = 3;
/** Blocks (of 4 MiB at most) that are sent to workers at a time: they may all lie in one partition. */
const blocksPerJob = 64;

/**
 * The rows are packed into blocks once, which the cluster keeps (in memory and on disk), and its workers too. A pass sends
 * the parameters and the names of the blocks; workers that lack blocks say so, and are sent those. So every row counts exactly
 * once whatever was lost, which the number of rows proves.
 */
export class RemoteRows implements TrainingRows {
  readonly summary: Summary;
  readonly featureType: FeatureType;
  readonly #blocks: DataFrame;
  readonly #who: Who;

  private constructor(summary: Summary, featureType: FeatureType, blocks: DataFrame, who: Who) {
    this.summary = summary;
    this.featureType = featureType;
    this.#blocks = blocks;
    this.#who = who;
  }

  /** @throws DataError where there are no rows, or telling of the row that cannot be used. */
  static async read(
    df: DataFrame,
    columns: TrainingColumns,
    { who, signal, what = "training data" }: ReadOptions,
  ): Promise<RemoteRows> {
    const type = featureTypeIn((await df.schema()).require(columns.featuresCol, who, "featuresCol"));
    const blocks = df.withStage(new PackBlocks({ ...columns, who: nameOf(who) })).cache();
    try {
      let summary: Summary | undefined;
      for (const bytes of await blocks.select("summary").values("summary", { signal })) {
        const part = unpackSummary(new Float64Array((bytes as Uint8Array).slice().buffer));
        if (summary !== undefined && summary.mean.length !== part.mean.length) {
          const found = `vectors of ${summary.mean.length} and of ${part.mean.length} numbers`;
          throw new DataError(who, `column "${columns.featuresCol}" has ${found}; make them equally long`);
        }
        summary = summary === undefined ? part : mergeSummaries(summary, part);
      }
      if (summary === undefined) throw noRows(who, what);
      return new RemoteRows(summary, type, blocks, who);
    } catch (error) {
      await release(blocks);
      throw error;
    }
  }

  async sums(sums: SumGraph, parameters: Parameters, signal?: AbortSignal): Promise<Sums> {
    const stage = new SumBlocks({
      graph: sums.graph,
      graphName: sums.name,
      rows: sums.rows,
      shapes: sums.parameters,
      values: numbersToJson(parameters),
    });
    for (let attempt = 1; ; attempt++) {
      const kept = await partsOf(this.#blocks.select("block").withStage(stage), signal);
      let { total, rows } = kept;
      for (let from = 0; from < kept.missing.length; from += blocksPerJob) {
        const some = kept.missing.slice(from, from + blocksPerJob);
        const missing = this.#blocks.filter(col("block").isIn(...some)).select("block", "matrices");
        const sent = await partsOf(missing.withStage(stage), signal);
        total = addSums(total, sent.total);
        rows += sent.rows;
      }
      if (rows === this.summary.rows) return total;
      if (attempt === attempts) {
        const lost = `a pass met ${rows} rows where the first met ${this.summary.rows}`;
        const advice =
          "the source gives other rows each time it is read, or executors keep dying; write it to parquet first";
        throw new EngineError(this.#who, `${lost}: ${advice}`, { code: "ROWS_CHANGED" });
      }
    }
  }

  async close(): Promise<void> {
    await release(this.#blocks);
  }
}

/** Where the session is lost the rows are too, and the fit's own error says so. */
async function release(blocks: DataFrame): Promise<void> {
  await blocks.unpersist().catch(() => undefined);
}

interface Parts {
  readonly total: Sums;
  readonly rows: number;
  readonly missing: string[];
}

async function partsOf(df: DataFrame, signal: AbortSignal | undefined): Promise<Parts> {
  const parts = await df.collect({ signal });
  return {
    total: parts.reduce((total: Sums, { sums }) => addSums(total, numbersFromJson(JSON.parse(String(sums)))), {}),
    rows: parts.reduce((total, { rows }) => total + Number(rows), 0),
    missing: parts.flatMap(({ missing }) => JSON.parse(String(missing)) as string[]),
  };
}
