/** @file Runs a chain over a stream of batches in the pool: several in flight, results in order, memory bounded. */

import { randomUUID } from "node:crypto";
import type * as arrow from "apache-arrow";
import { toArrowSchema } from "../data/arrow-types.js";
import type { BatchStage } from "../data/batch-stage.js";
import type { Schema } from "../data/schema.js";
import { DeepframeError } from "../errors.js";
import { makeHeapRoom } from "../runtime/heap-room.js";
import { sharedPool } from "../runtime/shared-pool.js";
import type { Job } from "../runtime/task.js";
import { type ChainSpec, stepOf } from "./chain.js";
import { type PackedBatch, packBatch, packedBytes, transferable, unpackBatch } from "./pack.js";

/** One step of a chain, before it is sent anywhere. */
export type Step =
  | { readonly kind: "stage"; readonly stage: BatchStage }
  | { readonly kind: "pick"; readonly columns: readonly { readonly from: string; readonly to: string }[] };

export interface ChainOptions {
  readonly input: Schema;
  readonly output: Schema;
  /** Whether the source's batches may be given away (their buffers belong to nobody else). */
  readonly owned: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Hears how many input rows are done. */
  readonly onRows?: (rows: number) => void;
}

const task = { module: new URL("./chain-task.js", import.meta.url), export: "runChain" };

/**
 * The source's batches after all steps; empty ones are left out.
 *
 * @param source begins to give batches, until its signal aborts
 */
export async function* runChain(
  source: (signal: AbortSignal) => AsyncIterable<arrow.RecordBatch>,
  steps: readonly Step[],
  { input, output, owned, signal, onRows }: ChainOptions,
): AsyncGenerator<arrow.RecordBatch, void, undefined> {
  const pool = sharedPool();
  for (const step of steps) if (step.kind === "stage") await step.stage.prepare?.();
  const chain: ChainSpec = {
    id: randomUUID(),
    steps: steps.map((step) => (step.kind === "stage" ? stepOf(step.stage) : step)),
    input: input.toJSON(),
    output: output.toJSON(),
  };
  const arrowSchema = toArrowSchema(output);
  const giveBack = makeHeapRoom();
  const stop = new AbortController();
  const ended = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  // one more in hand than the pool takes, so that a thread never waits for this one
  const results = new Queue<Sent>(pool.size + 2);

  const feed = async (): Promise<void> => {
    let firstRow = 0;
    for await (const batch of source(ended)) {
      const packed = packBatch(batch, owned ? "given" : "copied");
      const transfer = owned ? transferable(packed) : [];
      const job = await pool.submit<PackedBatch>(
        { ...task, message: { chain, batch: packed }, transfer, bytes: packedBytes(packed), key: chain.id },
        { signal: ended },
      );
      await results.put({ job, firstRow, rows: batch.numRows });
      firstRow += batch.numRows;
    }
  };
  const feeding = feed().then(
    () => results.end(),
    (error) => results.end(error),
  );

  try {
    for (;;) {
      const sent = await results.take();
      if (sent === undefined) break;
      const packed = await sent.job.result.catch((error) => {
        throw withRow(error, sent.firstRow);
      });
      onRows?.(sent.rows);
      if (packed.rows > 0) yield unpackBatch(packed, arrowSchema);
    }
  } finally {
    giveBack();
    stop.abort(new Error("the chain has ended"));
    results.end();
    await feeding;
    pool.forget(chain.id, { module: task.module, export: "closeChain", message: chain.id });
  }
}

interface Sent {
  readonly job: Job<PackedBatch>;
  readonly firstRow: number;
  readonly rows: number;
}

/** Stages count rows within a batch; people count them from the beginning. */
function withRow(error: unknown, firstRow: number): unknown {
  if (!(error instanceof DeepframeError) || typeof error.fields.row !== "number" || firstRow === 0) return error;
  const row = error.fields.row + firstRow;
  error.message = error.message.replace(new RegExp(`\\brow ${error.fields.row}\\b`), `row ${row}`);
  Object.defineProperty(error, "fields", { value: { ...error.fields, row } });
  return error;
}

/** Items from one side to the other, at most `limit` between them. */
class Queue<T> {
  readonly #items: T[] = [];
  readonly #limit: number;
  #wakeTaker: (() => void) | undefined;
  #wakePutter: (() => void) | undefined;
  #ended = false;
  #error: unknown;

  constructor(limit: number) {
    this.#limit = limit;
  }

  async put(item: T): Promise<void> {
    this.#items.push(item);
    this.#wakeTaker?.();
    while (this.#items.length >= this.#limit && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakePutter = resolve;
      });
    }
  }

  /** The next item; undefined at the end. @throws what the other side ended with, once its items are taken. */
  async take(): Promise<T | undefined> {
    while (this.#items.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeTaker = resolve;
      });
    }
    const item = this.#items.shift();
    this.#wakePutter?.();
    if (item === undefined && this.#error !== undefined) throw this.#error;
    return item;
  }

  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wakeTaker?.();
    this.#wakePutter?.();
  }
}
