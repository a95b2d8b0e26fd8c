/** @file What threads of the pool do with blocks of a training set. */

import { nameOf, type Who } from "../../errors.js";
import type { ThreadContext } from "../../runtime/context.js";
import type { Task } from "../../runtime/task.js";
import { Asset } from "../../util/asset.js";
import { type Block, bytesOf, type Matrices, type TrainingColumns } from "./block.js";
import { readBlock, type StoredBlock } from "./block-store.js";
import { type Summary, type SummaryOptions, summarize } from "./summary.js";
import { type Parameters, type SumGraph, type Sums, sumOver } from "./sums.js";

const module = new URL("./block-tasks.js", import.meta.url);

interface SummaryMessage {
  readonly block: Block;
  readonly options: SummaryOptions;
}

interface SumsMessage extends Omit<SumGraph, "graph"> {
  readonly graph: Pick<Asset, "bytes" | "sha256">;
  readonly blocks: readonly StoredBlock[];
  readonly values: Parameters;
}

export function summaryTask(block: Block, { labels, featuresCol }: TrainingColumns, who: Who): Task {
  const options: SummaryOptions = { labels, who: nameOf(who), featuresCol, firstRow: block.firstRow };
  const message: SummaryMessage = { block, options };
  return { module, export: "summarizeBlock", message, bytes: bytesOf(block) };
}

export function sumsTask(blocks: readonly StoredBlock[], sums: SumGraph, values: Parameters): Task {
  const { bytes, sha256 } = sums.graph;
  const message: SumsMessage = { ...sums, graph: { bytes, sha256 }, blocks, values };
  return { module, export: "sumOverBlocks", message, key: sha256 };
}

export function summarizeBlock({ block, options }: SummaryMessage): Summary {
  return summarize(block, options);
}

export async function sumOverBlocks(message: SumsMessage, { signal }: ThreadContext): Promise<Sums> {
  const { graph, blocks, values } = message;
  return await sumOver({ ...message, graph: new Asset(graph.bytes, graph.sha256) }, values, read(blocks), signal);
}

async function* read(blocks: readonly StoredBlock[]): AsyncGenerator<Matrices> {
  for (const stored of blocks) yield await readBlock(stored);
}
