/** @file The worker on a Spark executor: a child of the Python worker, Arrow in on stdin, out on stdout. */

import { writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as arrow from "apache-arrow";
import { toArrowSchema } from "../data/arrow-types.js";
import { keyInWords } from "../data/row-key.js";
import { Schema } from "../data/schema.js";
import { DeepframeError, internal } from "../errors.js";
import { enterPoolThread, type ThreadContext } from "../runtime/context.js";
import { NativeGate } from "../runtime/gate.js";
import { packError } from "../runtime/wire-error.js";
import { Asset } from "../util/asset.js";
import type { ChainSpec } from "./chain.js";
import { closeChain, prepareChain, runChain } from "./chain-task.js";
import { withArguments } from "./executor-arguments.js";
import { type ExecutorConfig, type Frame, readFrames, writeFrame } from "./executor-protocol.js";
import { packBatch, unpackBatch } from "./pack.js";
import { recastBatch } from "./recast.js";

/** Chains that stay open with their models; a pipeline that is fitted goes through a few. */
const kept = 4;

const root = process.argv[2]!;
const never = new AbortController().signal;
const context: ThreadContext = { index: 0, poolSize: 1, intraOpThreads: 1, signal: never, transfer: () => {} };
enterPoolThread({ intraOpThreads: 1, gate: new NativeGate(), warn: (message) => log(message) });

interface Task {
  readonly config: ExecutorConfig;
  readonly chain: ChainSpec;
  readonly input: Schema;
  readonly output: Schema;
  readonly sparkInput: Schema;
  readonly sparkOutput: Schema;
  rows: number;
}

const chains = new Map<string, ChainSpec>();

async function openTask(config: ExecutorConfig): Promise<Task> {
  const { id } = config.chain;
  let chain = chains.get(id);
  if (chain === undefined) {
    const steps = [];
    for (const step of config.chain.steps) {
      if (step.kind === "pick") steps.push(step);
      else {
        const assets = [];
        for (const { sha256, file } of step.assets) assets.push(new Asset(await readFile(join(root, file)), sha256));
        steps.push({ kind: "stage" as const, spec: { type: step.type, params: step.params, assets }, modules: [] });
      }
    }
    chain = { ...config.chain, steps };
  }
  // the latest used last
  chains.delete(id);
  chains.set(id, chain);
  const [oldest] = chains.keys();
  if (chains.size > kept) {
    chains.delete(oldest!);
    closeChain(oldest!);
  }
  return {
    config,
    chain,
    input: Schema.of(config.chain.input),
    output: Schema.of(config.chain.output),
    sparkInput: Schema.of(config.sparkInput),
    sparkOutput: Schema.of(config.sparkOutput),
    rows: 0,
  };
}

/** One batch through the chain, in pieces as small as its stages want. */
async function compute(task: Task, bytes: Uint8Array): Promise<Uint8Array> {
  const schema = toArrowSchema(task.sparkOutput);
  const outputSchema = toArrowSchema(task.output);
  const writer = new arrow.RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  for (const whole of arrow.RecordBatchReader.from(bytes)) {
    const step = task.config.rows ?? whole.numRows;
    for (let from = 0; from < whole.numRows; from += step) {
      const piece = step >= whole.numRows ? whole : whole.slice(from, from + step);
      const batch = packBatch(recastBatch(piece, task.sparkInput, task.input, "Spark"), "lent");
      const found = await runChain({ chain: task.chain, batch }, context).catch((error) => {
        throw withPlace(error, task);
      });
      task.rows += piece.numRows;
      if (found.rows === 0) continue;
      const result = recastBatch(unpackBatch(found, outputSchema), task.output, task.sparkOutput, "Spark");
      writer.write(new arrow.RecordBatch(schema, result.data));
    }
  }
  writer.finish();
  return writer.toUint8Array(true);
}

/** Stages count rows within a batch. The first partition's are counted from its beginning, others are told by their values. */
function withPlace(error: unknown, { rows, config }: Task): unknown {
  if (!(error instanceof DeepframeError) || typeof error.fields.row !== "number") return error;
  const key = keyInWords((error.fields.key as Record<string, unknown> | undefined) ?? {});
  const row = error.fields.row + rows;
  const number = `row ${row}${config.partition === 0 ? "" : ` of partition ${config.partition}`}`;
  const place = config.partition === 0 || key === "" ? number : `the row with ${key}`;
  error.message = error.message.replace(new RegExp(`\\brow ${error.fields.row}\\b`), place);
  Object.defineProperty(error, "fields", { value: { ...error.fields, row, partition: config.partition } });
  return error;
}

function log(message: string): void {
  writeSync(2, `${message}\n`);
}

/** Frames that have come and wait for their turn; the other side sends few ahead. */
const frames: Frame[] = [];
let wake: (() => void) | undefined;

// read while a result is written: each side would wait for the other otherwise
async function read(): Promise<void> {
  for await (const frame of readFrames(process.stdin)) {
    frames.push(frame);
    wake?.();
  }
  // the Python worker is gone, and nobody wants what is still computed
  process.exit(0);
}

async function answer(): Promise<never> {
  let task: Task | undefined;
  for (;;) {
    const frame = frames.shift();
    if (frame === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    const { kind, payload } = frame;
    try {
      if (kind === "open") {
        task = await openTask(JSON.parse(new TextDecoder().decode(payload)) as ExecutorConfig);
        // a function's first batch tells its types; why a chain cannot be opened, each one's first batch tells
        if (!task.config.isFunction) prepareChain(task.chain).catch(() => {});
      } else if (task === undefined) throw internal(`frame ${kind} before a task was opened`);
      else if (kind === "batch") {
        if (task.config.isFunction) {
          task = await openTask(withArguments(task.config, arrow.RecordBatchReader.from(payload).open().schema));
        }
        await writeFrame("result", await compute(task, payload));
      } else {
        await writeFrame("done", new Uint8Array());
        task = undefined;
      }
    } catch (error) {
      await writeFrame("failed", new TextEncoder().encode(JSON.stringify(packError(error))));
      task = undefined;
    }
  }
}

await Promise.all([read(), answer()]);
