/** @file Calls of models from SQL: sent to the pool, asked after, taken; so that nobody waits on the main thread. */

import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import duckdb from "@duckdb/node-bindings";
import type * as arrow from "apache-arrow";
import { toArrowSchema } from "../../data/arrow-types.js";
import type { FunctionStage } from "../../data/batch-stage.js";
import { concatData } from "../../data/concat.js";
import type { Schema } from "../../data/schema.js";
import { takeData } from "../../data/take.js";
import { EngineError, internal, messageOf } from "../../errors.js";
import { sharedPool } from "../../runtime/shared-pool.js";
import { type ChainSpec, stepOf } from "../../worker/chain.js";
import { type PackedBatch, packBatch, packedBytes, transferable, unpackBatch } from "../../worker/pack.js";

const task = { module: new URL("../../worker/chain-task.js", import.meta.url), export: "runChain" };

/** A call's first ticket; those of its rows follow. */
const rowsPerCall = BigInt(duckdb.vector_size());

/** Longest nap in milliseconds. */
const longest = 600_000;

/** Milliseconds of one nap at least: DuckDB counts in whole ones. */
const shortest = 1;

/** Milliseconds that a part of a call should take: it tells how far the call is, and the threads share the parts. */
const partTime = 20;

/** Rows of a part at least, unless the stages want fewer. */
const leastRows = 64;

/** Errors kept for whoever asks for the cause of a failed query. */
const keptErrors = 64;

/** Queries that may hold a thread of libuv's pool while models work for them: feeds hold two, and one must be free for the models. */
const turns = Math.max(1, Number(process.env.UV_THREADPOOL_SIZE ?? 4) - 3);

/** A function over arguments of certain types, as the pool's threads know it. */
export interface Prepared {
  readonly name: string;
  readonly chain: ChainSpec;
  readonly output: arrow.Schema;
  /** Rows that the stages want at a time. */
  readonly rowsPerTask: number | undefined;
  /** Calls done. */
  calls: number;
  /** Milliseconds per row, as far as known. */
  pace: number | undefined;
}

/** Rows of one part of a call. */
export function partSize({ rowsPerTask, pace }: Prepared, rows: number): number {
  const most = Math.min(rowsPerTask ?? rows, rows);
  return pace === undefined ? most : Math.min(most, Math.max(leastRows, Math.ceil(partTime / pace)));
}

/** @param schema of the arguments */
export function prepareFunction(fn: FunctionStage, schema: Schema): Prepared {
  const output = fn.transformSchema(schema);
  const chain = { id: randomUUID(), steps: [stepOf(fn)], input: schema.toJSON(), output: output.toJSON() };
  return {
    name: fn.name,
    chain,
    output: toArrowSchema(output),
    rowsPerTask: fn.rowsPerTask,
    calls: 0,
    pace: undefined,
  };
}

/** Lets the pool's threads forget the model. */
export function closeFunction({ chain }: Prepared): void {
  sharedPool().forget(chain.id, { module: task.module, export: "closeChain", message: chain.id });
}

interface Call {
  readonly ticket: bigint;
  readonly fn: Prepared;
  readonly connection: number;
  readonly rows: number;
  readonly parts: (arrow.Data | undefined)[];
  readonly controller: AbortController;
  readonly begun: number;
  rowsDone: number;
  /** When the last part was done. */
  lastNews: number;
  /** Rows whose results were taken. */
  taken: number;
  error: unknown;
}

export class Calls {
  readonly #calls = new Map<bigint, Call>();
  readonly #errors = new Map<number, unknown>();
  readonly #queue: (() => void)[] = [];
  #free = turns;
  #lastCall = 0n;
  #lastError = 0;

  /** Sends a chunk's arguments, in batches that may be given away; gives the first row's ticket. */
  begin(fn: Prepared, batches: readonly arrow.RecordBatch[], connection: number): bigint {
    const call: Call = {
      ticket: ++this.#lastCall * rowsPerCall,
      fn,
      connection,
      rows: batches.reduce((sum, { numRows }) => sum + numRows, 0),
      parts: batches.map(() => undefined),
      controller: new AbortController(),
      begun: performance.now(),
      rowsDone: 0,
      lastNews: performance.now(),
      taken: 0,
      error: undefined,
    };
    this.#calls.set(call.ticket, call);
    run(call, batches).catch((error) => {
      call.error ??= error;
      call.controller.abort(error);
    });
    return call.ticket;
  }

  /** Milliseconds that the call may still take; undefined once it is done. */
  waiting(ticket: bigint): number | undefined {
    const call = this.#get(ticket);
    if (call.error !== undefined || call.rowsDone === call.rows) return undefined;
    const now = performance.now();
    const elapsed = now - call.begun;
    let wait: number;
    if (call.rowsDone > 0) {
      const expected = (elapsed / call.rowsDone) * (call.rows - call.rowsDone);
      wait = Math.max(expected * 0.8, now - call.lastNews);
    } else {
      // what other calls took may tell too much (a model was loaded then): never longer than all naps before
      const expected = call.fn.pace === undefined ? elapsed : call.fn.pace * call.rows - elapsed;
      wait = Math.min(elapsed, Math.max(expected, elapsed / 4));
    }
    return Math.round(Math.min(Math.max(wait, shortest), longest));
  }

  /** The results of rows, in the order of their tickets. @throws what the model threw */
  take(tickets: BigInt64Array): arrow.Data {
    const first = tickets[0]! - (tickets[0]! % rowsPerCall);
    const call = this.#get(first);
    const isWhole = tickets.length === call.rows && tickets.every((ticket, row) => ticket === first + BigInt(row));
    if (isWhole) return this.#results(call, tickets.length);
    const calls = [...new Set(Array.from(tickets, (ticket) => ticket - (ticket % rowsPerCall)))];
    const starts = new Map<bigint, number>();
    let rows = 0;
    const all = calls.map((ticket) => {
      const each = this.#get(ticket);
      starts.set(ticket, rows);
      rows += each.rows;
      return this.#results(each, tickets.filter((one) => one - (one % rowsPerCall) === ticket).length);
    });
    const places = Array.from(tickets, (ticket) => {
      const row = ticket % rowsPerCall;
      return starts.get(ticket - row)! + Number(row);
    });
    return takeData(concatData(all), places);
  }

  /** A message that leads back to the error. */
  told(error: unknown): string {
    const number = ++this.#lastError;
    this.#errors.set(number, error);
    this.#errors.delete(number - keptErrors);
    return `[deepframe ${number}] ${messageOf(error)}`;
  }

  /** The error that a message came from. */
  cause(message: string): unknown {
    const number = /\[deepframe (\d+)\]/.exec(message)?.[1];
    return number === undefined ? undefined : this.#errors.get(Number(number));
  }

  /** One of few at a time. */
  async turn<R>(work: () => Promise<R>): Promise<R> {
    while (this.#free === 0) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#free--;
    try {
      return await work();
    } finally {
      this.#free++;
      this.#queue.shift()?.();
    }
  }

  /** Ends what is left of a query's calls. */
  forget(connection: number): void {
    for (const call of this.#calls.values()) if (call.connection === connection) this.#end(call);
  }

  close(): void {
    for (const call of this.#calls.values()) this.#end(call);
  }

  #get(ticket: bigint): Call {
    const call = this.#calls.get(ticket);
    if (call === undefined) throw internal("the call of a function is gone");
    return call;
  }

  #results(call: Call, count: number): arrow.Data {
    call.taken += count;
    if (call.taken >= call.rows) this.#calls.delete(call.ticket);
    if (call.error !== undefined) throw call.error;
    if (call.rowsDone < call.rows) {
      const seconds = Math.round((performance.now() - call.begun) / 1000);
      this.#end(call);
      throw new EngineError(call.fn.name, `no result for ${call.rows} rows after ${seconds} s`, { code: "TIMEOUT" });
    }
    return concatData(call.parts as arrow.Data[]);
  }

  #end(call: Call): void {
    this.#calls.delete(call.ticket);
    call.controller.abort(new Error("the query has ended"));
  }
}

async function run(call: Call, batches: readonly arrow.RecordBatch[]): Promise<void> {
  const { fn, controller } = call;
  const { chain } = fn;
  const { signal } = controller;
  const results: Promise<void>[] = [];
  // DuckDB's thread need not wait for what is done here
  await setImmediate();
  for (const [i, batch] of batches.entries()) {
    const packed = packBatch(batch, "given");
    const job = await sharedPool().submit<PackedBatch>(
      {
        ...task,
        message: { chain, batch: packed },
        transfer: transferable(packed),
        bytes: packedBytes(packed),
        key: chain.id,
      },
      { signal },
    );
    const result = job.result.then((found) => {
      call.parts[i] = unpackBatch(found, fn.output).data.children[0]!;
      call.rowsDone += batch.numRows;
      call.lastNews = performance.now();
    });
    // an early failure is heard by the last line
    result.catch(() => {});
    results.push(result);
  }
  await Promise.all(results);
  const duration = performance.now() - call.begun;
  // the first ones load the model in each thread, and of a few rows there is nothing to learn
  if (++fn.calls <= sharedPool().size || call.rows < leastRows) return;
  const pace = duration / Math.max(1, call.rows);
  fn.pace = fn.pace === undefined || pace < fn.pace ? pace : fn.pace * 0.8 + pace * 0.2;
}
