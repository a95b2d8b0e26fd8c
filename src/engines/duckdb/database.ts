/** @file One DuckDB database: opened with our settings, with a place for temporary tables, and closed without a trace. */

import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance, type DuckDBScalarFunction, type DuckDBType } from "@duckdb/node-api";
import { EngineError, messageOf, ParamError } from "../../errors.js";
import { Feeds } from "./feed.js";
import { Functions } from "./functions.js";
import { quoteName, quoteText } from "./quote.js";

export interface DuckdbOptions {
  /** Most memory DuckDB may take before it writes to disk, as in `"2GB"`. Default: 80 % of the machine's. */
  readonly memoryLimit?: string | undefined;
  /** Threads that DuckDB may use. Default: all cores. */
  readonly threads?: number | undefined;
  /** Folder in which a folder for spilled rows is made. Default: the system's for temporary files. */
  readonly tempDirectory?: string | undefined;
}

/** Folders to remove at the process's end, of databases that nobody closed. */
const openFolders = new Set<string>();

process.on("exit", () => {
  for (const folder of openFolders) rmSync(folder, { recursive: true, force: true });
});

export class Database {
  readonly #instance: DuckDBInstance;
  readonly #folder: string;
  /** The attached in-memory database that holds temporary tables, seen by every connection. */
  readonly #scratch: string;
  readonly #connections = new Set<DuckDBConnection>();
  /** Work that DuckDB's threads are at; closing must wait for it. */
  readonly #working = new Set<Promise<unknown>>();
  /** Kept open so that the database is, and for work that needs no result. */
  readonly #main: DuckDBConnection;
  /** Batches of this process as tables. */
  readonly feeds: Feeds;
  /** Models that SQL calls. */
  readonly functions = new Functions(this);
  /** What every connection is set to. */
  #settings = "SET TimeZone = 'UTC'";
  #lastTable = 0;
  #closed = false;

  private constructor(instance: DuckDBInstance, main: DuckDBConnection, folder: string, id: string) {
    this.#instance = instance;
    this.#main = main;
    this.feeds = new Feeds(main, `deepframe_feed_${id}`);
    this.#folder = folder;
    this.#scratch = `deepframe_${id}`;
  }

  /**
   * @param path a database file, made where there is none; in memory where undefined
   * @throws EngineError where the file is no database or is in use by another process.
   */
  static async open(path: string | undefined, options: DuckdbOptions = {}): Promise<Database> {
    const { memoryLimit, threads, tempDirectory = tmpdir() } = options;
    if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
      throw new ParamError("Session.open", `threads must be a whole number of at least 1, got ${threads}`);
    }
    const id = randomUUID().slice(0, 8);
    const folder = join(tempDirectory, `deepframe-${process.pid}-${id}`);
    const settings: Record<string, string> = {
      // nothing is fetched from the network behind the user's back
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      preserve_insertion_order: "true",
    };
    let instance: DuckDBInstance;
    try {
      instance =
        path === undefined
          ? await DuckDBInstance.create(":memory:", settings)
          : await DuckDBInstance.fromCache(path, settings);
    } catch (cause) {
      throw new EngineError("Session.open", openMessage(path ?? ":memory:", messageOf(cause)), {
        code: "OPEN",
        path,
        cause,
      });
    }
    const main = await instance.connect();
    try {
      await main.run(`SET temp_directory = ${quoteText(folder)}`);
      if (memoryLimit !== undefined) await main.run(`SET memory_limit = ${quoteText(memoryLimit)}`);
      if (threads !== undefined) await main.run(`SET threads = ${threads}`);
      await main.run(`ATTACH ':memory:' AS deepframe_${id}`);
    } catch (cause) {
      main.closeSync();
      instance.closeSync();
      throw new EngineError("Session.open", messageOf(cause), { code: "OPEN", cause });
    }
    openFolders.add(folder);
    return new Database(instance, main, folder, id);
  }

  /** A connection for one piece of work, closed after it. Its time zone is UTC, as everywhere in deepframe. */
  async connect(): Promise<DuckDBConnection> {
    this.#check();
    return await this.during(async () => {
      const connection = await this.#instance.connect();
      this.#connections.add(connection);
      await connection.run(this.#settings);
      return connection;
    });
  }

  release(connection: DuckDBConnection): void {
    if (!this.#closed) this.functions.forget(connection);
    if (this.#connections.delete(connection)) connection.closeSync();
  }

  /** Work on a connection, which must not be closed before it is done. @throws EngineError where the database is closed. */
  async during<R>(work: () => Promise<R>): Promise<R> {
    this.#check();
    const working = work();
    this.#working.add(working);
    try {
      return await working;
    } catch (error) {
      this.#check();
      throw this.functions.cause(error);
    } finally {
      this.#working.delete(working);
    }
  }

  /** Work that runs a query, on a thread of libuv's pool: if the query calls models, it may have to wait for its turn. */
  async running<R>(sql: string, work: () => Promise<R>): Promise<R> {
    if (!this.functions.isIn(sql)) return await this.during(work);
    return await this.functions.turn(() => this.during(work));
  }

  /** Runs statements whose result nobody needs. */
  async run(sql: string): Promise<void> {
    try {
      await this.running(sql, () => this.#main.run(sql));
    } catch (error) {
      if (!this.#closed) this.functions.forget(this.#main);
      throw error;
    }
  }

  /** The first value of a query's first row. */
  async value(sql: string): Promise<unknown> {
    const reader = await this.running(sql, () => this.#main.runAndReadAll(sql));
    return reader.getRowsJS()[0]?.[0];
  }

  /** A type by its name in SQL. */
  async typeOf(name: string): Promise<DuckDBType> {
    return (await this.during(() => this.#main.prepare(`SELECT NULL::${name}`))).columnType(0);
  }

  registerScalar(scalar: DuckDBScalarFunction): void {
    this.#check();
    this.#main.registerScalarFunction(scalar);
  }

  /** The schema for macros, which every connection finds without its name; made when first asked for. */
  async macroSchema(): Promise<string> {
    if (!this.#settings.includes("search_path")) {
      const own = `${this.#scratch}.functions`;
      await this.run(`CREATE SCHEMA ${own}`);
      const database = String(await this.value("SELECT current_database()"));
      this.#settings += `; SET search_path = ${quoteText(`${quoteName(database)}.main,${own}`)}`;
      await this.run(this.#settings);
    }
    return `${this.#scratch}.functions`;
  }

  /** Tables and views that the SQL text names. */
  tableNames(sql: string): readonly string[] {
    this.#check();
    return this.#main.getTableNames(sql, false);
  }

  /** The name of a new temporary table, for SQL. */
  newTable(): ScratchTable {
    return `${this.#scratch}.main.t${++this.#lastTable}` as ScratchTable;
  }

  async dropTable(table: ScratchTable): Promise<void> {
    if (!this.#closed) await this.run(`DROP TABLE IF EXISTS ${table}`);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.functions.close();
    for (const connection of [...this.#connections, this.#main]) connection.interrupt();
    await Promise.allSettled(this.#working);
    for (const connection of this.#connections) connection.closeSync();
    this.#connections.clear();
    await this.#main.run(`DETACH ${this.#scratch}`).catch(() => {});
    this.#main.closeSync();
    this.#instance.closeSync();
    await rm(this.#folder, { recursive: true, force: true });
    openFolders.delete(this.#folder);
  }

  #check(): void {
    if (this.#closed)
      throw new EngineError("Session", "closed; open a new one with Session.open()", { code: "CLOSED" });
  }
}

/** The full name of a temporary table. */
export type ScratchTable = string & { readonly scratch: true };

function openMessage(path: string, message: string): string {
  if (/lock/i.test(message)) return `${JSON.stringify(path)} is in use by another process; close it there first`;
  if (/not a valid DuckDB|not a DuckDB/i.test(message))
    return `${JSON.stringify(path)} is no DuckDB database; give another path`;
  return `cannot open ${JSON.stringify(path)}: ${message}`;
}
