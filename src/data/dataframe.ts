/** @file DataFrame: a table as a plan, lazy and immutable, computed by an engine when its rows are asked for. */

import * as arrow from "apache-arrow";
import { ParamError } from "../errors.js";
import { toArrowSchema } from "./arrow-types.js";
import type { BatchStage } from "./batch-stage.js";
import { measures, table } from "./describe.js";
import type { Engine, RunOptions } from "./engine.js";
import { describe, expectCount, expectOptions, expectSignal, expectText } from "./expect.js";
import { col, type Expr, type Expression } from "./expr.js";
import { GroupedData } from "./grouped.js";
import { isStable, type Plan, type SqlPlan } from "./plan.js";
import * as queries from "./queries.js";
import { batchToRows, valueAt } from "./rows.js";
import { boundsOf, part } from "./sampling.js";
import type { Schema } from "./schema.js";
import { formatTable } from "./show.js";
import { type MapOptions, stageOfFunction, type UserFunction } from "./user-function.js";
import { DataFrameWriter } from "./writer.js";

/** A row as collect gives it: column name to value. */
export type OutputRow = Record<string, unknown>;

/**
 * A table: rows of named, typed columns. Methods that shape it return a new DataFrame at once and compute nothing;
 * those that return a promise run the plan. Strings are column names in `select`, `orderBy` and `groupBy`, and SQL
 * fragments elsewhere. After Apache Spark's DataFrame.
 *
 * @example
 * const people = session.read.parquet("people/*.parquet");
 * const adults = people.filter("age >= 18").select("name", col("age").add(1).as("next"));
 * console.log(await adults.collect());
 */
export class DataFrame {
  readonly plan: Plan;
  readonly engine: Engine;

  /** Sessions make DataFrames; see `session.read` and `session.createDataFrame`. */
  constructor(plan: Plan, engine: Engine) {
    this.plan = plan;
    this.engine = engine;
  }

  /** The schema where it is known without asking the engine. */
  get knownSchema(): Schema | undefined {
    return this.plan.schema;
  }

  /** Names and types of the columns, without computing rows. */
  async schema(): Promise<Schema> {
    return this.plan.schema ?? (await this.engine.schema(this.plan));
  }

  /** A column of this DataFrame as an expression. @throws SchemaError where it is known to be missing. */
  col(name: string): Expr {
    this.plan.schema?.select([name], "col");
    return col(name);
  }

  /** Columns by name (`"*"` for all) and expressions. */
  select(...columns: (string | Expr)[]): DataFrame {
    return this.#relate("select", queries.select(columns));
  }

  /** Columns from SQL fragments, as in `selectExpr("name", "age + 1 AS next")`. */
  selectExpr(...fragments: string[]): DataFrame {
    return this.#relate("selectExpr", queries.selectExpr(fragments));
  }

  /** A column added, or replaced where the name is there already. */
  withColumn(name: string, expression: Expression): DataFrame {
    return this.#relate("withColumn", queries.withColumn(name, expression));
  }

  withColumnRenamed(from: string, to: string): DataFrame {
    return this.#relate("withColumnRenamed", queries.rename(from, to));
  }

  drop(...names: string[]): DataFrame {
    return this.#relate("drop", queries.drop(names));
  }

  /** The rows for which the condition holds. */
  filter(condition: Expression): DataFrame {
    return this.#relate("filter", queries.filter(condition));
  }

  /** The same as {@link DataFrame.filter}. */
  where(condition: Expression): DataFrame {
    return this.filter(condition);
  }

  distinct(): DataFrame {
    return this.#relate("distinct", queries.distinct());
  }

  /** Rows sorted by columns, as in `orderBy("city", col("age").desc())`; nulls last. */
  orderBy(...columns: (string | Expr)[]): DataFrame {
    return this.#relate("orderBy", queries.orderBy(columns));
  }

  /** The first rows, after `offset` ones left out. */
  limit(rows: number, offset = 0): DataFrame {
    return this.#relate("limit", queries.limit(rows, offset));
  }

  /**
   * Rows of both that belong together.
   *
   * @param on columns that both have and that must be equal, or a condition over `l` and `r`, as in `expr("l.id = r.owner")`
   */
  join(other: DataFrame, on?: string | readonly string[] | Expr, how: queries.JoinType = "inner"): DataFrame {
    return this.#relate("join", queries.join(on, how), frame(other, "join"));
  }

  /** The rows of both, which must have the same columns in the same order. */
  union(other: DataFrame): DataFrame {
    return this.#relate("union", queries.union("union"), frame(other, "union"));
  }

  /** The rows of both, which must have the same columns in any order. */
  unionByName(other: DataFrame): DataFrame {
    return this.#relate("unionByName", queries.union("unionByName"), frame(other, "unionByName"));
  }

  /** Groups of rows with equal keys; without keys, one group of all. */
  groupBy(...keys: (string | Expr)[]): GroupedData {
    return new GroupedData((op, relation) => this.#relate(op, relation), keys);
  }

  /** One row of aggregates over all rows, as in `agg({ oldest: "max(age)" })`. */
  agg(results: Readonly<Record<string, Expression>>): DataFrame {
    return this.groupBy().agg(results);
  }

  /**
   * About this fraction of the rows, each drawn at most once; the same ones for the same seed.
   *
   * @param fraction from 0 to 1
   */
  sample(fraction: number, options: { readonly seed?: number } = {}): DataFrame {
    expectOptions(options, "sample", ["seed"]);
    const { seed = 0 } = options;
    if (typeof fraction !== "number" || !(fraction >= 0 && fraction <= 1)) {
      throw new ParamError("sample", `fraction must be 0 to 1, got ${fraction}`);
    }
    const { df, byPosition } = this.#fixed();
    return df.#relate("sample", part("sample", 0, fraction, seed, byPosition));
  }

  /**
   * Parts whose sizes follow the weights. No row is in two parts, and the same seed gives the same parts.
   *
   * @example const [train, test] = df.randomSplit([0.8, 0.2], { seed: 7 });
   */
  randomSplit<const W extends readonly number[]>(
    weights: W,
    options: { readonly seed?: number } = {},
  ): { -readonly [I in keyof W]: DataFrame } {
    expectOptions(options, "randomSplit", ["seed"]);
    const { seed = 0 } = options;
    const { df, byPosition } = this.#fixed();
    const op = "randomSplit";
    const parts = boundsOf(weights).map(([low, high]) => df.#relate(op, part(op, low, high, seed, byPosition)));
    return parts as { -readonly [I in keyof W]: DataFrame };
  }

  /** A wish for the number of partitions, where the engine has partitions; the embedded one has none. */
  repartition(count: number): DataFrame {
    return this.#relate("repartition", queries.repartition(count));
  }

  /** The same rows, kept by the engine once computed; {@link DataFrame.unpersist} lets go of them. */
  cache(): DataFrame {
    if (this.plan.kind === "cache") return this;
    return new DataFrame({ kind: "cache", input: this.plan, schema: this.plan.schema }, this.engine);
  }

  /** Lets go of the rows kept by {@link DataFrame.cache}. */
  async unpersist(): Promise<DataFrame> {
    if (this.plan.kind !== "cache") return this;
    await this.engine.release(this.plan);
    return new DataFrame(this.plan.input, this.engine);
  }

  /** The rows as a stage turns them out; what `transformer.transform(df)` calls. @throws SchemaError where they are known not to fit. */
  withStage(stage: BatchStage): DataFrame {
    const schema = this.plan.schema && stage.transformSchema(this.plan.schema);
    return new DataFrame({ kind: "stage", stage, input: this.plan, schema }, this.engine);
  }

  /**
   * The rows as a function of the user's turns them out, row by row, in threads or on executors.
   *
   * The function is called with a row (values as {@link DataFrame.collect} gives them) and `options`, and gives a row, a list
   * of rows or nothing, or a promise of these; with `adds`, exactly one row. See `MapRows`.
   *
   * @throws ParamError for a closure: what it captures cannot travel. Put it into a module.
   * @example
   * // clean.ts: export const clean = (row: { text: string }) => ({ words: row.text.split(" ").length });
   * df.mapRows({ module: new URL("./clean.ts", import.meta.url), export: "clean" }, { adds: { words: "int" } });
   */
  mapRows(fn: UserFunction, options: MapOptions): DataFrame {
    return this.withStage(stageOfFunction("rows", fn, options));
  }

  /**
   * As {@link DataFrame.mapRows}, batch by batch: the function is called with an Arrow RecordBatch, and gives one, a Table,
   * or an object of columns. See `MapBatches`.
   *
   * @example df.mapBatches({ module: new URL("./scale.ts", import.meta.url), export: "scale" }, { adds: { y: "double" } });
   */
  mapBatches(fn: UserFunction, options: MapOptions): DataFrame {
    return this.withStage(stageOfFunction("batches", fn, options));
  }

  /** Count, mean, standard deviation, least and greatest value of columns (by default of numbers and strings), as text. */
  describe(...columns: string[]): DataFrame {
    return this.#relate("describe", table(columns), this.#relate("describe", measures(columns)));
  }

  async count(): Promise<number> {
    const [row] = await this.agg({ rows: "count(*)" }).collect();
    return Number(row!.rows);
  }

  /** All rows. Numbers come as number (bigint only beyond 2^53), vectors as typed arrays. */
  async collect(options?: RunOptions): Promise<OutputRow[]> {
    const rows: OutputRow[] = [];
    for await (const batch of this.batches(options)) for (const row of batchToRows(batch)) rows.push(row);
    return rows;
  }

  /** The first rows. */
  take(rows: number): Promise<OutputRow[]> {
    return this.limit(rows).collect();
  }

  async first(): Promise<OutputRow | undefined> {
    return (await this.take(1))[0];
  }

  /** The values of one column. */
  async values(column: string, options?: RunOptions): Promise<unknown[]> {
    const values: unknown[] = [];
    for await (const batch of this.select(column).batches(options)) {
      const data = batch.data.children[0]!;
      for (let row = 0; row < batch.numRows; row++) values.push(valueAt(data, row));
    }
    return values;
  }

  /**
   * The rows in Arrow batches, one after the other; memory holds a few batches at a time.
   *
   * @example for await (const batch of df.batches()) console.log(batch.numRows);
   */
  batches(options?: RunOptions): AsyncIterable<arrow.RecordBatch> {
    expectSignal(options?.signal, "DataFrame");
    return this.engine.batches(this.plan, options);
  }

  /** All rows as an Arrow table. */
  async toArrow(options?: RunOptions): Promise<arrow.Table> {
    const batches: arrow.RecordBatch[] = [];
    for await (const batch of this.batches(options)) batches.push(batch);
    return new arrow.Table(batches[0]?.schema ?? toArrowSchema(await this.schema()), batches);
  }

  /** Prints the first rows as a table. @param truncate characters per cell at most; 0 for all */
  async show(rows = 20, options: { readonly truncate?: number } = {}): Promise<void> {
    console.log(await this.showString(rows, options));
  }

  /** What {@link DataFrame.show} prints. */
  async showString(rows = 20, options: { readonly truncate?: number } = {}): Promise<string> {
    expectCount(rows, "show", "rows");
    expectOptions(options, "show", ["truncate"]);
    const { truncate = 20 } = options;
    const [found, { names }] = await Promise.all([this.take(rows + 1), this.schema()]);
    const text = formatTable(names, found.slice(0, rows), truncate);
    return found.length > rows ? `${text}\nonly showing top ${rows} row${rows === 1 ? "" : "s"}` : text;
  }

  /** Prints names and types of the columns as a tree. */
  async printSchema(): Promise<void> {
    console.log(String(await this.schema()));
  }

  /** The plan as it will run, stages with their batch sizes and tensor shapes included. */
  async explain(): Promise<string> {
    const text = await this.engine.explain(this.plan);
    console.log(text);
    return text;
  }

  /** Names this DataFrame for use in `session.sql` and `session.table`. */
  async createOrReplaceTempView(name: string): Promise<void> {
    expectText(name, "createOrReplaceTempView", "name");
    await this.engine.createView(name, this.plan);
  }

  /** Writes the rows to files. */
  get write(): DataFrameWriter {
    return new DataFrameWriter(this.engine, this.plan);
  }

  /** A frame whose rows can be told apart by position, or else are computed once so as to be told apart by content. */
  #fixed(): { df: DataFrame; byPosition: boolean } {
    return isStable(this.plan) ? { df: this, byPosition: true } : { df: this.cache(), byPosition: false };
  }

  #relate(op: string, relation: queries.Relation, other?: DataFrame): DataFrame {
    const inputs = other === undefined ? [this.plan] : [this.plan, other.plan];
    if (other !== undefined && other.engine !== this.engine) {
      throw new ParamError(op, "the two DataFrames belong to different sessions; make both in one");
    }
    const schemas = inputs.map(({ schema }) => schema);
    const known = schemas.every((schema) => schema !== undefined) ? schemas : undefined;
    // asked for its messages: a missing column is told here rather than at the first row
    if (known) relation.query(known);
    const schema = known && relation.schema?.(known);
    const plan: SqlPlan = { kind: "sql", op, query: relation.query, inputs, schema, stable: relation.stable };
    return new DataFrame(plan, this.engine);
  }
}

function frame(other: DataFrame, op: string): DataFrame {
  if (other instanceof DataFrame) return other;
  throw new ParamError(op, `the other side must be a DataFrame, got ${describe(other)}`);
}
