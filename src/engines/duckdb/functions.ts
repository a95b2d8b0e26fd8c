/** @file Models as SQL functions: three functions of ours and a macro, so that DuckDB's threads wait and this one does not. */

import {
  ANY,
  BIGINT,
  type DuckDBConnection,
  DuckDBLogicalType,
  DuckDBScalarFunction,
  type DuckDBType,
} from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import type { RecordBatch } from "apache-arrow";
import type { FunctionStage } from "../../data/batch-stage.js";
import { Schema } from "../../data/schema.js";
import type { Field } from "../../data/types.js";
import { messageOf, ParamError, SchemaError } from "../../errors.js";
import { BatchBuilder } from "./batch-builder.js";
import type { Database } from "./database.js";
import { writeColumn } from "./from-arrow.js";
import { Calls, closeFunction, type Prepared, partSize, prepareFunction } from "./function-calls.js";
import { quoteName } from "./quote.js";
import { columnTypeOf, duckTypeName, isCanonical } from "./types.js";

/** Naps in a row at most. */
const naps = 40;

const vectorSize = duckdb.vector_size();

type Main = (input: duckdb.DataChunk, rows: number, output: duckdb.Vector, bound: object | undefined) => void;

/** What is kept from a query's preparation. */
interface Bound {
  readonly connection: number;
}

/**
 * The functions of one database.
 *
 * DuckDB calls JavaScript functions on the main thread, one after the other, and its own thread waits for each. A function
 * that waited for a model would hold up the event loop for as long as the model takes. So `flower(image)` is a macro:
 *
 *     put(image)     copies the arguments, sends them to the pool, returns a ticket
 *     nap(ticket)    how many milliseconds it may still take; null when done
 *     sleep_ms(…)    DuckDB's own: puts DuckDB's thread to sleep; an interrupt ends it
 *     take(ticket)   copies the result
 *
 * with as many naps as it takes, each asked for only where the one before was not enough.
 */
export class Functions {
  readonly #database: Database;
  readonly #calls = new Calls();
  /** By name in lower case. */
  readonly #registered = new Map<string, FunctionStage>();
  readonly #kinds: Kinds[] = [];
  #pattern: RegExp | undefined;
  #count = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @throws ParamError for a name that is taken. */
  async register(fn: FunctionStage, replace: boolean): Promise<void> {
    const key = fn.name.toLowerCase();
    if (this.#registered.has(key) && !replace) {
      const message = `there is a function "${fn.name}" already; choose another name or pass { replace: true }`;
      throw new ParamError("registerFunction", message, { code: "EXISTS" });
    }
    const others = `SELECT count(*) FROM duckdb_functions() WHERE lower(function_name) = '${key}'`;
    if (!this.#registered.has(key) && Number(await this.#database.value(others)) > 0) {
      const message = `"${fn.name}" is a function of DuckDB; choose another name`;
      throw new ParamError("registerFunction", message, { code: "EXISTS" });
    }
    const prefix = `__deepframe_${++this.#count}_`;
    await fn.prepare?.();
    await this.#create(fn, prefix);
    await this.#database.run(macro(`${await this.#database.macroSchema()}.${quoteName(fn.name)}`, fn, prefix));
    this.#registered.set(key, fn);
    this.#pattern = new RegExp(`\\b(${[...this.#registered.keys()].join("|")})\\b`, "i");
  }

  /** Whether a text names one of the functions. */
  isIn(sql: string): boolean {
    return this.#pattern?.test(sql) ?? false;
  }

  /** Lets no more queries wait for functions at a time than leaves libuv a thread for whoever works for them. */
  turn<R>(work: () => Promise<R>): Promise<R> {
    return this.#calls.turn(work);
  }

  /** What a model threw, where that is behind an error of DuckDB's; else the same error. */
  cause(error: unknown): unknown {
    return this.#calls.cause(messageOf(error)) ?? this.#arityError(messageOf(error)) ?? error;
  }

  /** Lets go of the calls of a query that ended. */
  forget(connection: DuckDBConnection): void {
    if (this.#registered.size > 0) this.#calls.forget(connection.clientContext.connectionId);
  }

  close(): void {
    this.#calls.close();
    for (const kinds of this.#kinds) kinds.close();
  }

  async #create(fn: FunctionStage, prefix: string): Promise<void> {
    const calls = this.#calls;
    const kinds = new Kinds(fn);
    this.#kinds.push(kinds);

    const put = this.#make(`${prefix}put`, BIGINT, (chunk, rows, output, bound) => {
      const { prepared, schema } = kinds.of(chunk);
      const builder = new BatchBuilder(schema);
      const batches: RecordBatch[] = [];
      const step = partSize(prepared, rows);
      for (let from = 0; from < rows; from += step) {
        builder.append(chunk, from, Math.min(step, rows - from));
        batches.push(builder.finish());
      }
      const first = calls.begin(prepared, batches, (bound as Bound).connection);
      copy(
        output,
        BigInt64Array.from({ length: rows }, (_, row) => first + BigInt(row)),
      );
    });
    duckdb.scalar_function_set_varargs(put.scalar_function, ANY.toLogicalType().logical_type);
    // bound once per query: tells whose calls these are
    put.setBindFunction((info) => {
      info.setBindData({ connection: info.clientContext.connectionId } satisfies Bound);
    });

    const nap = this.#make(`${prefix}nap`, BIGINT, (chunk, rows, output) => {
      const waits = callsOf(chunk, rows).flatMap((ticket) => calls.waiting(ticket) ?? []);
      // the first row sleeps for all
      const valid = new BigUint64Array(Math.ceil(rows / 64));
      if (waits.length > 0) valid[0] = 1n;
      duckdb.vector_ensure_validity_writable(output);
      duckdb.copy_data_to_vector_validity(output, 0, valid.buffer, 0, valid.byteLength);
      copy(output, BigInt64Array.of(BigInt(Math.max(0, ...waits))));
    });
    nap.addParameter(BIGINT);

    const result = await this.#database.typeOf(duckTypeName(fn.result));
    const take = this.#make(`${prefix}take`, result, (chunk, rows, output) => {
      writeColumn(output, calls.take(ticketsOf(chunk, rows)), 0, rows);
    });
    take.addParameter(BIGINT);
    take.addParameter(BIGINT);
    for (const each of [put, nap, take]) this.#database.registerScalar(each);
  }

  #make(name: string, returns: DuckDBType, main: Main): DuckDBScalarFunction {
    const made = new DuckDBScalarFunction();
    made.setName(name);
    made.setReturnType(returns);
    // nulls are ours to see, and equal calls must not share a ticket
    made.setSpecialHandling();
    made.setVolatile();
    duckdb.scalar_function_set_function(made.scalar_function, (info, input, output) => {
      try {
        const bound = duckdb.scalar_function_get_bind_data(info);
        main(input, duckdb.data_chunk_get_size(input), output, bound);
      } catch (error) {
        duckdb.scalar_function_set_error(info, this.#calls.told(error));
      }
    });
    return made;
  }

  /** A macro called with the wrong number of arguments, in our words. */
  #arityError(message: string): Error | undefined {
    const name = /Macro "?(\w+)"?\(\) does not support the supplied arguments/.exec(message)?.[1];
    const fn = name === undefined ? undefined : this.#registered.get(name.toLowerCase());
    if (fn === undefined) return undefined;
    const count = fn.inputs.fields.length;
    const list = fn.signature.slice(fn.name.length);
    return new SchemaError(fn, `takes ${count} argument${count === 1 ? "" : "s"} ${list}`, {
      code: "ARGUMENTS",
      expected: count,
    });
  }
}

/** The macro's text. Its own names begin with two underscores, so as not to hide columns of the arguments. */
function macro(name: string, { inputs }: FunctionStage, prefix: string): string {
  const arguments_ = inputs.names.map((_, i) => `__${i}`);
  const nap = (level: number): string => {
    if (level === naps) return "NULL::BIGINT";
    const then = `coalesce(sleep_ms(__n${level}), ${nap(level + 1)})`;
    return `list_transform([${prefix}nap(__t)], lambda __n${level}: CASE WHEN __n${level} IS NOT NULL THEN ${then} END)[1]`;
  };
  const body = `list_transform([${prefix}put(${arguments_.join(", ")})], lambda __t: ${prefix}take(__t, ${nap(0)}))[1]`;
  return `CREATE OR REPLACE MACRO ${name}(${arguments_.join(", ")}) AS ${body}`;
}

/** What a function is for each kind of arguments that it was called with. */
class Kinds {
  readonly #fn: FunctionStage;
  readonly #known = new Map<string, { readonly prepared: Prepared; readonly schema: Schema }>();

  constructor(fn: FunctionStage) {
    this.#fn = fn;
  }

  of(chunk: duckdb.DataChunk): { readonly prepared: Prepared; readonly schema: Schema } {
    const count = duckdb.data_chunk_get_column_count(chunk);
    const types = Array.from({ length: count }, (_, i) => {
      const vector = duckdb.data_chunk_get_vector(chunk, i);
      return DuckDBLogicalType.create(duckdb.vector_get_column_type(vector)).asType();
    });
    const key = types.join(";");
    let kind = this.#known.get(key);
    if (kind === undefined) {
      const schema = new Schema(types.map((type, i) => this.#argument(type, i)));
      kind = { prepared: prepareFunction(this.#fn, schema), schema };
      this.#known.set(key, kind);
    }
    return kind;
  }

  /** Lets the pool's threads forget the model. */
  close(): void {
    for (const { prepared } of this.#known.values()) closeFunction(prepared);
  }

  #argument(type: DuckDBType, index: number): Field {
    const { name, inputs, signature } = this.#fn;
    const column = inputs.names[index] ?? String(index);
    if (isCanonical(type)) return { name: column, type: columnTypeOf(type, column) };
    const message = `argument "${column}" of ${signature} has type ${type}; cast it, as in CAST(… AS DOUBLE)`;
    throw new SchemaError(name, message, { code: "ARGUMENTS", column, found: String(type) });
  }
}

function ticketsOf(chunk: duckdb.DataChunk, rows: number): BigInt64Array {
  const data = duckdb.vector_get_data(duckdb.data_chunk_get_vector(chunk, 0), rows * 8);
  return new BigInt64Array(data.buffer, data.byteOffset, rows);
}

/** Tickets of the calls whose rows are in a chunk: mostly one. */
function callsOf(chunk: duckdb.DataChunk, rows: number): bigint[] {
  const tickets = ticketsOf(chunk, rows);
  const first = (ticket: bigint) => ticket - (ticket % BigInt(vectorSize));
  if (rows === 0) return [];
  if (first(tickets[0]!) === first(tickets[rows - 1]!)) return [first(tickets[0]!)];
  return [...new Set(Array.from(tickets, first))];
}

function copy(vector: duckdb.Vector, values: BigInt64Array<ArrayBuffer>): void {
  duckdb.copy_data_to_vector(vector, 0, values.buffer, 0, values.byteLength);
}
