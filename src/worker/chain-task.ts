/** @file The task that pool threads run: one batch through a chain, whose stages are opened once per thread. */

import type * as arrow from "apache-arrow";
import { fromArrowSchema, toArrowSchema } from "../data/arrow-types.js";
import { pickColumns } from "../data/columns.js";
import { rowKey } from "../data/row-key.js";
import { Schema } from "../data/schema.js";
import { DeepframeError, internal, messageOf } from "../errors.js";
import { registerStages, stageFromSpec } from "../pipeline/registry.js";
import { type BatchFunction, type Stage, type StageContext, Transformer } from "../pipeline/stage.js";
import { currentPoolThread, type ThreadContext } from "../runtime/context.js";
import { UserCode } from "../stages/code/user-code.js";
import { PackBlocks } from "../stages/objective/pack-blocks.js";
import { SumBlocks } from "../stages/objective/sum-blocks.js";
import { loadTransformers } from "../stages/transformers.js";
import { Asset } from "../util/asset.js";
import { BatchRoom } from "./batch-room.js";
import type { ChainSpec, ChainStep } from "./chain.js";
import { ModelFunction } from "./model-function.js";
import { type PackedBatch, packBatch, transferable, unpackBatch } from "./pack.js";
import { ReadFiles } from "./read-files.js";

registerStages(ReadFiles, ModelFunction, PackBlocks, SumBlocks);

export interface ChainMessage {
  readonly chain: ChainSpec;
  readonly batch: PackedBatch;
}

interface OpenChain {
  readonly input: arrow.Schema;
  readonly output: Schema;
  readonly steps: readonly BatchFunction[];
  readonly room: BatchRoom;
  /** Whether a batch that came out was seen to have the columns that were promised. */
  isChecked: boolean;
}

const chains = new Map<string, Promise<OpenChain>>();

/** Opens a chain before its first batch. */
export async function prepareChain(chain: ChainSpec): Promise<void> {
  await opened(chain);
}

/** One batch through the chain. */
export async function runChain({ chain, batch }: ChainMessage, context: ThreadContext): Promise<PackedBatch> {
  const open = await opened(chain);
  const packed = await open.room.during(() => runSteps(open, batch, context), transferable);
  context.transfer(...transferable(packed));
  return packed;
}

async function runSteps(open: OpenChain, batch: PackedBatch, context: ThreadContext): Promise<PackedBatch> {
  let result = unpackBatch(batch, open.input);
  for (const step of open.steps) {
    context.signal.throwIfAborted();
    const before = result;
    try {
      result = await step(before);
    } catch (error) {
      throw withKey(error, before);
    }
  }
  if (!open.isChecked) checkOutput(result, open);
  return packBatch(result, "given");
}

/** Lets go of a chain that will not run again. */
export function closeChain(id: string): void {
  chains.delete(id);
}

function opened(chain: ChainSpec): Promise<OpenChain> {
  let opening = chains.get(chain.id);
  if (opening === undefined) {
    opening = openChain(chain);
    opening.catch(() => chains.delete(chain.id));
    chains.set(chain.id, opening);
  }
  return opening;
}

async function openChain(chain: ChainSpec): Promise<OpenChain> {
  const steps: BatchFunction[] = [];
  const room = new BatchRoom();
  const warn = (message: string) => currentPoolThread()?.warn(message);
  const stages = await Promise.all(chain.steps.map((step) => (step.kind === "stage" ? stageOf(step) : undefined)));
  const isOurs = chain.steps.every((step, i) => step.kind === "pick" || isOurCode(stages[i]!, step.modules));
  // others may keep columns that they were given
  const context: StageContext = { warn, ...(isOurs && { room: (length: number) => room.take(length) }) };
  let schema = Schema.of(chain.input);
  for (const [i, step] of chain.steps.entries()) {
    if (step.kind === "pick") {
      const { columns } = step;
      steps.push((batch) => pickColumns(batch, columns));
      const { fields } = schema.select(columns.map(({ from }) => from));
      schema = new Schema(fields.map(({ type }, i) => ({ name: columns[i]!.to, type })));
    } else {
      const stage = stages[i]!;
      steps.push(await stage.open(schema, context));
      schema = stage.transformSchema(schema);
    }
  }
  return {
    input: toArrowSchema(Schema.of(chain.input)),
    output: Schema.of(chain.output),
    steps,
    room,
    isChecked: false,
  };
}

async function stageOf({ spec, modules }: Extract<ChainStep, { kind: "stage" }>): Promise<Transformer> {
  await loadTransformers(spec);
  for (const module of modules) await import(module);
  const assets = new Map(spec.assets.map(({ bytes, sha256 }) => [sha256, new Asset(bytes, sha256)]));
  const stage = stageFromSpec(spec, assets);
  if (!(stage instanceof Transformer)) throw internal(`${spec.type} is no Transformer`);
  return stage;
}

/** @param modules those that register the stage and the stages within it, where they are a user's */
function isOurCode(stage: Stage, modules: readonly string[]): boolean {
  const { stages } = stage.params as { readonly stages?: unknown };
  const within = Array.isArray(stages) ? (stages as Stage[]) : [];
  return modules.length === 0 && !(stage instanceof UserCode) && within.every((each) => isOurCode(each, []));
}

/** Numbers of rows say little where other workers have others: the row's own values tell it. */
function withKey(error: unknown, batch: arrow.RecordBatch): unknown {
  if (!(error instanceof DeepframeError)) return error;
  const { row } = error.fields;
  if (typeof row !== "number" || !(row >= 0 && row < batch.numRows)) return error;
  Object.defineProperty(error, "fields", { value: { ...error.fields, key: rowKey(batch, row) } });
  return error;
}

function checkOutput(batch: arrow.RecordBatch, open: OpenChain): void {
  let found: string;
  try {
    found = JSON.stringify(fromArrowSchema(batch.schema));
  } catch (error) {
    found = messageOf(error);
  }
  const promised = JSON.stringify(open.output);
  if (found !== promised) throw internal(`stages gave columns ${found}, not ${promised} as transformSchema said`);
  open.isChecked = true;
}
