/** @file Session: an engine opened by its URL, and the DataFrames that come from it. */

import * as arrow from "apache-arrow";
import type { FunctionStage } from "./data/batch-stage.js";
import { DataFrame } from "./data/dataframe.js";
import { type Engine, type EngineOptions, openEngine, registerEngineModule } from "./data/engine.js";
import { expectText } from "./data/expect.js";
import { batchesOfTable } from "./data/import-table.js";
import { sql, name as sqlName } from "./data/plan.js";
import { DataFrameReader } from "./data/reader.js";
import { inferSchema, type Row, rowsToBatch } from "./data/rows.js";
import { Schema } from "./data/schema.js";
import { ParamError } from "./errors.js";
import type { Transformer } from "./pipeline/stage.js";
import "./stages/code/maps.js";
import { type FunctionOptions, functionOf } from "./worker/function-of.js";

registerEngineModule("duckdb", () => import("./engines/duckdb/engine.js"));
registerEngineModule("sc", () => import("./engines/spark/engine.js"));

/** Options of `Session.open`; those of the engine are passed on to it. */
export interface SessionOptions extends EngineOptions {
  /** DuckDB: most memory before rows go to disk, as in `"2GB"`. */
  readonly memoryLimit?: string;
  /** DuckDB: threads it may use. */
  readonly threads?: number;
  /** DuckDB: folder for rows that go to disk. */
  readonly tempDirectory?: string;
  /** Spark: milliseconds to wait for the server (10,000 by default). */
  readonly connectTimeout?: number;
  /** Spark: milliseconds to wait until an executor takes the first task (300,000 by default). */
  readonly slotTimeout?: number;
  /** Spark: node on the executors: theirs where it is new enough, else ours (default); always ours; or theirs at a path. */
  readonly worker?: "auto" | "ship" | { readonly node: string };
}

/**
 * A place to read, shape and write data.
 *
 * @example
 * await using session = await Session.open();
 * const flowers = session.read.images("flowers/", { labelFromFolder: true });
 * console.log(await flowers.groupBy("label").count().collect());
 */
export class Session implements AsyncDisposable {
  readonly engine: Engine;
  /** Reads files as DataFrames. */
  readonly read: DataFrameReader;

  private constructor(engine: Engine) {
    this.engine = engine;
    this.read = new DataFrameReader(engine);
  }

  /**
   * Opens a session.
   *
   * @param url `duckdb:` for an embedded database in memory (default), `duckdb:/path/file.db` for one in a file,
   *   `sc://host:port/;key=value` for a Spark cluster by Spark Connect
   * @throws EngineError for a URL that no engine serves, or whose engine cannot be opened.
   */
  static async open(url = "duckdb:", options: SessionOptions = {}): Promise<Session> {
    return new Session(await openEngine(url, options));
  }

  /**
   * A DataFrame of rows of this process: objects, or an Arrow table.
   *
   * @param schema column types by name, as in `{ age: "int" }`; by default inferred from the rows
   * @throws DataError for the first value that does not fit.
   */
  createDataFrame(rows: readonly Row[] | arrow.Table, schema?: Schema | Readonly<Record<string, string>>): DataFrame {
    const wanted = schema === undefined || schema instanceof Schema ? schema : Schema.of(schema);
    if (rows instanceof arrow.Table) {
      const table = batchesOfTable(rows, wanted);
      return new DataFrame({ kind: "local", ...table }, this.engine);
    }
    const known = wanted ?? inferSchema(rows);
    if (known.fields.length === 0) {
      throw new ParamError("createDataFrame", 'there are no columns; give rows, or a schema as in { age: "int" }');
    }
    return new DataFrame({ kind: "local", batches: [rowsToBatch(rows, known)], schema: known }, this.engine);
  }

  /** The rows of a SQL query over views, tables and files. */
  sql(text: string): DataFrame {
    expectText(text, "session.sql", "the query");
    const { text: query, views } = this.engine.parse(text.replace(/[;\s]+$/, ""));
    const built = { sql: { parts: [query] }, inputNames: [...views.keys()] };
    const plan = { kind: "sql", op: "session.sql", query: () => built, inputs: [...views.values()] } as const;
    return new DataFrame({ ...plan, schema: undefined, stable: false }, this.engine);
  }

  /** A view, or a table of the database. */
  table(name: string): DataFrame {
    expectText(name, "session.table", "name");
    const template = sql`SELECT * FROM ${sqlName(name)}`;
    const { views } = this.engine.parse(`SELECT * FROM "${name.replaceAll('"', '""')}"`);
    const view = views.get(name);
    if (view !== undefined) return new DataFrame(view, this.engine);
    const plan = { kind: "sql", op: "session.table", query: () => ({ sql: template }), inputs: [] } as const;
    return new DataFrame({ ...plan, schema: undefined, stable: true }, this.engine);
  }

  /**
   * Makes a model a function of SQL, in `session.sql` and in every SQL fragment, on this session's engine.
   *
   * Its arguments are the columns that the model reads, in the order in which its stages do (or as `inputs` says); the
   * result is the column that the last stage adds, or a struct of several. A null argument gives null. An argument may
   * have any type that the model takes for that column. As in Spark, names are the same in upper and lower case.
   *
   * @returns the function as SQL sees it: name, arguments, type of the result
   * @throws ParamError for a name that is taken (see `replace`), a model that may leave out rows, or one whose columns or
   * types have to be told; SchemaError for columns that do not fit.
   * @example
   * await session.registerFunction("flower", model);
   * await session.sql("SELECT path, flower(image).prediction FROM photos").show();
   */
  async registerFunction(name: string, model: Transformer, options: FunctionOptions = {}): Promise<FunctionStage> {
    const fn = functionOf(name, model, options);
    await this.engine.registerFunction(fn, options.replace ?? false);
    return fn;
  }

  /** Ends the session: its temporary files go, and its DataFrames can no longer be computed. */
  async close(): Promise<void> {
    await this.engine.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
